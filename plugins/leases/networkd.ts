/**
 * The leases of systemd-networkd's DHCP server, which it keeps from version 256 on (`PersistLeases=` in systemd.network(5)) in
 * /var/lib/systemd/network/dhcp-server-lease/INTERFACE; DHCPv4 only. JSON, replaced by rename at every change:
 *
 *     { "BootID": "…", "Address": [192, 168, 7, 1], "PrefixLength": 24, "Leases": [
 *       { "ClientId": [1, 82, …], "Address": [192, 168, 7, 50], "AddressString": "192.168.7.50", "Hostname": "web1",
 *         "HardwareAddressType": 1, "HardwareAddressLength": 6, "HardwareAddress": [82, 84, 0, 18, 52, 86],
 *         "ExpirationUSec": 7262518311, "ExpirationRealtimeUSec": 1795514400000000 } ] }
 *
 * `ExpirationRealtimeUSec` is in µs since the epoch. Released and declined leases are not in it, nor is the begin of a lease.
 */
import { type Lease, makeLease, type WholeFormat } from './lease.ts';

export const networkd: WholeFormat = {
  kind: 'whole',
  name: 'networkd',
  older: [],
  recognises: (line) => line.startsWith('{'),
  parse: (text) => {
    const leases = field(JSON.parse(text), 'Leases');
    return Array.isArray(leases) ? leases.flatMap((entry: unknown) => readEntry(entry) ?? []) : [];
  },
};

function readEntry(entry: unknown): Lease | undefined {
  const octets = field(entry, 'Address');
  const address = isOctets(octets) ? octets.join('.') : field(entry, 'AddressString');
  const untilUs = field(entry, 'ExpirationRealtimeUSec');
  if (typeof address !== 'string' || typeof untilUs !== 'number') return undefined;
  const hardware = field(entry, 'HardwareAddress');
  const isEthernet = (field(entry, 'HardwareAddressType') ?? ethernet) === ethernet;
  const mac =
    isEthernet && isOctets(hardware) ? hardware.map((octet) => octet.toString(16).padStart(2, '0')).join(':') : undefined;
  return makeLease(address, mac, untilUs / 1000);
}

/** ARP's number for it. */
const ethernet = 1;

function isOctets(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255);
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}
