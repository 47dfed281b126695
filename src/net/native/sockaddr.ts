/**
 * Socket addresses as the kernel writes them (sockaddr_in, sockaddr_in6), to peers and back.
 */
import { networkInterfaces } from 'node:os';
import { type PeerKey, peerKey, peerOf } from '../../base/peer.ts';
import { C, call } from './libc.ts';

/** Bytes of the longer of the two. */
export const SOCKADDR_BYTES = 28;
const IPV4_BYTES = 16;

/** The peer that a socket address stands for. An IPv4 one allocates nothing. */
export function readPeer(bytes: Uint8Array, at: number): PeerKey {
  const port = (bytes[at + 2]! << 8) | bytes[at + 3]!;
  if (bytes[at] === C.AF_INET) {
    const address = ((bytes[at + 4]! * 256 + bytes[at + 5]!) * 256 + bytes[at + 6]!) * 256 + bytes[at + 7]!;
    return address * 65536 + port;
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[at + 8 + 2 * i]! << 8) | bytes[at + 9 + 2 * i]!).toString(16));
  const scope = bytes[at + 24]! | (bytes[at + 25]! << 8) | (bytes[at + 26]! << 16);
  // Whatever text stands for the address serves as a key, as long as it is always the same.
  return peerKey(`${compressed(groups)}${scope === 0 ? '' : `%${interfaceName(scope)}`}`, port);
}

/** Whether the port is 0, which nothing can be sent to. */
export function hasNoPort(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 2] === 0 && bytes[at + 3] === 0;
}

/** Writes an address of this machine, whose interface may have been made anew since it was last written; returns its length. */
export function writeLocal(bytes: Uint8Array, address: string, port: number): number {
  known.clear();
  return writePeer(bytes, 0, peerKey(address, port));
}

/** Writes a peer as a socket address; returns its length. */
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

/** IPv6 peers that were written before: their text need not be parsed for every datagram. */
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

/** The eight groups of an IPv6 address (RFC 4291 §2.2), of which the last two may be written as an IPv4 address. */
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

/** The longest run of zero groups as `::` (RFC 5952), so that the text equals that of Node's own sockets. */
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

/** The interface with this index; remembered, since a name is asked for with every datagram. */
function interfaceName(index: number): string {
  const before = names.get(index);
  if (before !== undefined) return before;
  for (const name of Object.keys(networkInterfaces())) learn(interfaceIndex(name), name);
  if (!names.has(index)) names.set(index, String(index));
  return names.get(index)!;
}

/** An interface that was made anew under its old name has another index, and one that was renamed keeps its own. */
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

/** 0 if there is no interface of this name. */
export function interfaceIndex(name: string): number {
  return /^\d+$/.test(name) ? Number(name) : call('if_nametoindex', name as unknown as bigint);
}
