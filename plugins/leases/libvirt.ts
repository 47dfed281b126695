/**
 * The lease file of a libvirt network, `/var/lib/libvirt/dnsmasq/virbr0.status`, as libvirt's lease helper writes it: JSON,
 * replaced as a whole at every change.
 *
 *     [ { "ip-address": "192.168.122.50", "mac-address": "52:54:00:12:34:56", "hostname": "web1", "client-id": "01:…",
 *         "expiry-time": 1795514400 } ]
 *
 * `expiry-time` is in seconds since the epoch, 0 for never. IPv6 leases have an `iaid`, too.
 */
import { field, parseJson } from './json.ts';
import { type Lease, makeLease, type WholeFormat } from './lease.ts';

export const libvirt: WholeFormat = {
  kind: 'whole',
  name: 'libvirt',
  older: [],
  recognises: (line) => line.startsWith('['),
  parse: (text) => {
    const entries = parseJson(text);
    if (entries === undefined) return 'damaged';
    if (!Array.isArray(entries)) return 'unknown';
    // `virbr0.macs` in the same folder lists machines without addresses.
    if (entries.length > 0 && !entries.some((entry) => field(entry, 'ip-address') !== undefined)) return 'unknown';
    return entries.flatMap((entry: unknown) => readEntry(entry) ?? []);
  },
};

function readEntry(entry: unknown): Lease | undefined {
  const [address, mac, end] = ['ip-address', 'mac-address', 'expiry-time'].map((key) => field(entry, key));
  if (typeof address !== 'string' || typeof end !== 'number') return undefined;
  return makeLease(address, typeof mac === 'string' ? mac : undefined, end === 0 ? Number.POSITIVE_INFINITY : end * 1000);
}
