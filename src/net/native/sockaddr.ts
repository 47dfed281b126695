/**
 * Converts between peers and the kernel's socket addresses (sockaddr_in, sockaddr_in6).
 */
import { networkInterfaces } from 'node:os';
import { type PeerKey, peerKey, peerOf } from '../../base/peer.ts';
import { C, call } from './libc.ts';

/** Size of the larger structure. */
export const SOCKADDR_BYTES = 28;
const IPV4_BYTES = 16;

/** Reads a socket address. Allocates nothing for IPv4. */
export function readPeer(bytes: Uint8Array, at: number): PeerKey {
  const port = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (bytes[at] === C.AF_INET) {
    const address = ((bytes[at + 4]! * 256 + bytes[at + 5]!) * 256 + bytes[at + 6]!) * 256 + bytes[at + 7]!;
    return address * 65536 + port;
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[at + 8 + 2 * i]! << 8) | bytes[at + 9 + 2 * i]!).toString(16));
  const scope = bytes[at + 24]! | (bytes[at + 25]! << 8) | (bytes[at + 26]! << 16);
  // Any text works as a key, provided that it is always the same.
  return peerKey(`${compressed(groups)}${scope === 0 ? '' : `%${interfaceName(scope)}`}`, port);
}

/** Whether the port is 0, which cannot be sent to. */
export function hasNoPort(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 2] === 0 && bytes[at + 3] === 0;
}

/** Writes a local address and returns its length. Clears the cache first: the interface may have been recreated since. */
export function writeLocal(bytes: Uint8Array, address: string, port: number): number {
  known.clear();
  return writePeer(bytes, 0, peerKey(address, port));
}

/** Writes a peer and returns the length. */
export function writePeer(bytes: Uint8Array, at: number, peer: PeerKey): number {
  if (typeof peer === 'string') {
    bytes.set(ipv6Bytes(peer), at);
    return SOCKADDR_BYTES;
  }
  const address = Math.floor(peer / 65536);
  const port = peer - address * 65536;
  bytes[at] = C.AF_INET;
  bytes[at + 1] = 0;
  bytes[at + 2] = port >>> 8;
  bytes[at + 3] = port & 0xff;
  bytes[at + 4] = address >>> 24;
  bytes[at + 5] = (address >>> 16) & 0xff;
  bytes[at + 6] = (address >>> 8) & 0xff;
  bytes[at + 7] = address & 0xff;
  return IPV4_BYTES;
}

/** Socket addresses of IPv6 peers, so that the text is not parsed for every datagram. */
const known = new Map<string, Uint8Array>();
const MAX_KNOWN = 4096;

function ipv6Bytes(peer: string): Uint8Array {
  const before = known.get(peer);
  if (before) return before;
  const { address, port } = peerOf(peer);
  const bytes = new Uint8Array(SOCKADDR_BYTES);
  const [plain = '', zone] = address.split('%');
  bytes[0] = C.AF_INET6;
  bytes[2] = port >>> 8;
  bytes[3] = port & 0xff;
  groupsOf(plain).forEach((group, i) => {
    bytes[8 + 2 * i] = group >>> 8;
    bytes[9 + 2 * i] = group & 0xff;
  });
  if (zone !== undefined) new DataView(bytes.buffer).setUint32(24, interfaceIndex(zone) || (numbers.get(zone) ?? 0), true);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(peer, bytes);
  return bytes;
}

/** The eight groups of an IPv6 address (RFC 4291 §2.2), the last two of which may be written as an IPv4 address. */
function groupsOf(address: string): number[] {
  const dotted = address.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/,
    (_all, a, b, c, d) => `${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`,
  );
  const [head = '', tail] = dotted.split('::');
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return parse(head);
  const before = parse(head);
  const after = parse(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** Writes the longest run of zero groups as `::` (RFC 5952), as Node does. */
function compressed(groups: readonly string[]): string {
  if (groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff') {
    const [high, low] = groups.slice(6).map((group) => Number.parseInt(group, 16)) as [number, number];
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === '0') length++;
    if (length > best.length) best = { start, length };
  }
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.start).join(':')}::${groups.slice(best.start + best.length).join(':')}`;
}

const names = new Map<number, string>();
const numbers = new Map<string, number>();

/** The name of the interface with this index; cached, since every datagram needs it. */
function interfaceName(index: number): string {
  const before = names.get(index);
  if (before !== undefined) return before;
  for (const name of Object.keys(networkInterfaces())) learn(interfaceIndex(name), name);
  if (!names.has(index)) names.set(index, String(index));
  return names.get(index)!;
}

/** An interface recreated under the same name has a new index; a renamed one keeps its index. */
function learn(index: number, name: string): void {
  const before = numbers.get(name);
  if (before === index) return;
  if (before !== undefined) {
    names.delete(before);
    known.clear();
  }
  numbers.set(name, index);
  names.set(index, name);
}

/** Returns 0 if there is no interface of this name. */
export function interfaceIndex(name: string): number {
  return /^\d+$/.test(name) ? Number(name) : call('if_nametoindex', name as unknown as bigint);
}
