/**
 * The lease file of OpenWrt's odhcpd (`/tmp/odhcpd.leases`, `/tmp/hosts/odhcpd`), for DHCPv4 and DHCPv6, as its sources write it:
 * a hosts file, with a comment line for each lease.
 *
 *     # br-lan 525400123456 ipv4 web1 1795514400 c0a80732 32 192.168.7.50/32     interface, MAC address, ipv4, name or -, end, …, address
 *     # br-lan 00030001525400123456 1 web1 1795514400 50 128 fd00::50/128        interface, DUID, IAID, name or -, end, …, addresses
 *     192.168.7.50	web1.lan	web1
 *
 * The end is in seconds since the epoch, -1 for never and 0 for an expired lease. Newer versions separate the octets of a MAC
 * address by colons and omit leading zeros. An address whose prefix is shorter than the whole address is a delegated prefix.
 */
import { type LineFormat, macInDuid, makeLease, secondsToMs } from './lease.ts';

export const odhcpd: LineFormat = {
  kind: 'lines',
  name: 'odhcpd',
  appended: false,
  older: [],
  recognises: (line) => entry.test(line),
  reader: (onLease) => (line) => {
    const [, id, kind, end, addresses] = entry.exec(line) ?? [];
    if (id === undefined || addresses === undefined) return;
    const mac = kind === 'ipv4' ? id : macInDuid(id);
    const untilMs = end === '-1' ? Number.POSITIVE_INFINITY : secondsToMs(end);
    for (const written of addresses.split(' ')) {
      const [address = '', length] = written.split('/');
      const lease = length === (address.includes(':') ? '128' : '32') ? makeLease(address, mac, untilMs) : undefined;
      if (lease) onLease(lease);
    }
  },
};

const entry = /^# \S+ ([0-9a-f:]+) (ipv4|[0-9a-f]{1,8}) \S+ (-1|\d{1,12}) [0-9a-f]+ \d{1,3} ?(.*)$/i;
