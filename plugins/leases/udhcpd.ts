/**
 * The lease file of BusyBox's udhcpd (`/var/lib/misc/udhcpd.leases`), as `networking/udhcp` defines it: binary, DHCPv4 only, every number
 * in network order. Eight octets say when it was written, in seconds since the epoch; then come leases of 36 octets each:
 *
 *     0   seconds that the lease had left at that time, 0 once it is over
 *     4   IPv4 address
 *     8   MAC address; all zeros or all ones for an address that was declined
 *     14  name, 20 octets
 *     34  2 octets without meaning
 *
 * udhcpd replaces the file when it stops, on SIGUSR1, and every `auto_time` seconds (7200 unless its config says otherwise).
 */
import { isDate, type Lease, makeLease, type WholeFormat } from './lease.ts';

const HEADER_BYTES = 8;
const LEASE_BYTES = 36;

export const udhcpd: WholeFormat = {
  kind: 'whole',
  name: 'udhcpd',
  older: [],
  // The upper half of a time that is before the year 2106.
  recognises: (line) => line.startsWith('\0\0\0\0'),
  parse: (text) => {
    const bytes = Buffer.from(text, 'latin1');
    if (bytes.length < HEADER_BYTES || (bytes.length - HEADER_BYTES) % LEASE_BYTES !== 0) return 'damaged';
    const writtenAt = Number(bytes.readBigUInt64BE());
    const count = (bytes.length - HEADER_BYTES) / LEASE_BYTES;
    return Array.from({ length: count }, (_, index) => {
      const start = HEADER_BYTES + index * LEASE_BYTES;
      return readEntry(bytes.subarray(start, start + LEASE_BYTES), writtenAt);
    }).filter((lease) => lease !== undefined);
  },
};

function readEntry(entry: Buffer, writtenAt: number): Lease | undefined {
  const left = entry.readUInt32BE(0);
  const address = entry.subarray(4, 8).join('.');
  const mac = entry.toString('hex', 8, 14);
  // Of a device without a clock the time says nothing: a lease counts as long as the file has it.
  const end = isDate(writtenAt) ? (writtenAt + left) * 1000 : Number.POSITIVE_INFINITY;
  return makeLease(address, mac, left === 0 ? 0 : end);
}
