/**
 * The lease file of BusyBox's udhcpd (`/var/lib/misc/udhcpd.leases`), as `networking/udhcp` defines it: binary, DHCPv4 only,
 * numbers in network byte order. The first eight octets are the time of writing, in seconds since the epoch; leases of 36 octets
 * each follow:
 *
 *     0   remaining seconds of the lease at that time, 0 if it has expired
 *     4   IPv4 address
 *     8   MAC address; all zeros or all ones for an address that was declined
 *     14  name, 20 octets
 *     34  2 octets of padding
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
  // The upper half of a time before the year 2106 is zero.
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
  // The time of a device without a clock is meaningless, so a lease counts while it is in the file.
  const end = isDate(writtenAt) ? (writtenAt + left) * 1000 : Number.POSITIVE_INFINITY;
  return makeLease(address, mac, left === 0 ? 0 : end);
}
