/**
 * The leases of systemd-networkd's DHCP server, which it keeps from version 256 on (`PersistLeases=` in systemd.network(5)) in
 * /var/lib/systemd/network/dhcp-server-lease/INTERFACE; DHCPv4 only. JSON, replaced by rename at every change:
 *
 *     { "BootID": "…", "Address": [192, 168, 7, 1], "PrefixLength": 24, "Leases": [
 *       { "ClientId": [1, 82, …], "Address": [192, 168, 7, 50], "AddressString": "192.168.7.50", "Hostname": "web1",
 *         "HardwareAddressType": 1, "HardwareAddressLength": 6, "HardwareAddress": [82, 84, 0, 18, 52, 86],
 *         "ExpirationUSec": 7262518311, "ExpirationRealtimeUSec": 1795514400000000 } ] }
 *
 * `ExpirationRealtimeUSec` is in µs since the epoch. The file does not contain released and declined leases, nor when a lease
 * began. Version 256 does not write the hardware address, only the client identifier, which begins with 1 for Ethernet unless the
 * client chose another (RFC 2132 §9.14). From version 257 on the hardware address has 16 octets, of which `HardwareAddressLength`
 * count.
 */
import { field, parseJson } from './json.ts';
import { type Lease, makeLease, type WholeFormat } from './lease.ts';

export const networkd: WholeFormat = {
  kind: 'whole',
  name: 'networkd',
  older: [],
  recognises: (line) => line.startsWith('{'),
  parse: (text) => {
    const written = parseJson(text);
    if (written === undefined) return 'damaged';
    const leases = field(written, 'Leases');
    if (Array.isArray(leases)) return leases.flatMap((entry: unknown) => readEntry(entry) ?? []);
    // The key is absent if there are no leases.
    return field(written, 'BootID') === undefined ? 'unknown' : [];
  },
};

function readEntry(entry: unknown): Lease | undefined {
  const octets = field(entry, 'Address');
  const address = isOctets(octets) ? octets.join('.') : field(entry, 'AddressString');
  const untilUs = field(entry, 'ExpirationRealtimeUSec');
  if (typeof address !== 'string' || typeof untilUs !== 'number') return undefined;
  return makeLease(address, macOf(entry), untilUs / 1000);
}

function macOf(entry: unknown): string | undefined {
  if ((field(entry, 'HardwareAddressType') ?? ethernet) !== ethernet) return undefined;
  const hardware = field(entry, 'HardwareAddress');
  const length = field(entry, 'HardwareAddressLength');
  const octets = isOctets(hardware) ? hardware.slice(0, typeof length === 'number' ? length : hardware.length) : [];
  if (octets.length > 0) return toText(octets);
  const id = field(entry, 'ClientId');
  return isOctets(id) && id.length === 7 && id[0] === ethernet ? toText(id.slice(1)) : undefined;
}

function toText(octets: readonly number[]): string {
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}

/** ARP's number for Ethernet. */
const ethernet = 1;

function isOctets(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255);
}
