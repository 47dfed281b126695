/**
 * The lease file of dnsmasq (`--dhcp-leasefile`), one lease per line, as its `lease.c` writes it:
 *
 *     1795514400 52:54:00:12:34:56 192.168.7.50 web1 01:52:54:00:12:34:56     end, hardware address, address, name or *, client id or *
 *     duid 00:01:00:01:2d:3c:4b:5a:52:54:00:00:00:01                          the server's own; the lines after it are DHCPv6
 *     1795514400 1193046 fd00::50 web1 00:03:00:01:52:54:00:12:34:56          end, IAID (T before it: temporary), address, name, DUID
 *
 * The end is in seconds since the epoch, 0 for never; the file does not contain when a lease began. A dnsmasq built for devices
 * without a clock (HAVE_BROKEN_RTC) writes the lease's length instead, and removes expired leases; this reader treats a number
 * too small for a date as a length. A hardware address other than Ethernet has the number of its type before it: `20-…`. The file
 * contains only active leases: released and declined ones are removed. It is rewritten in place at every change.
 */
import { isDate, type LineFormat, macInDuid, makeLease, secondsToMs } from './lease.ts';

export const dnsmasq: LineFormat = {
  kind: 'lines',
  name: 'dnsmasq',
  appended: false,
  older: [],
  recognises: (line) => /^(?:\d+ \S+ [0-9a-f.:]+ \S+(?: \S+)?|duid [0-9a-f:]+)$/i.test(line),
  reader: (onLease) => (line) => {
    const [end, who, address, , id] = line.split(' ', 5);
    if (address === undefined) return;
    const untilMs = isDate(Number(end)) ? secondsToMs(end) : /^\d+$/.test(end!) ? Number.POSITIVE_INFINITY : Number.NaN;
    const lease = makeLease(address, address.includes(':') ? macInDuid(id ?? '') : who, untilMs);
    if (lease) onLease(lease);
  },
};
