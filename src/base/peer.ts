/**
 * Peers as map keys. IPv4 peers, the common case, are numbers, so that a transport can build a key from a socket address without
 * allocating; all others are strings.
 */

/** An address and port. Equal peers have equal keys. */
export type PeerKey = number | string;

/** @param address IPv4 (`192.168.7.20`) or IPv6, including any zone (`fe80::1%eth0`) */
export function peerKey(address: string, port: number): PeerKey {
  if (address.includes(':')) return `${port} ${address}`;
  let bits = 0;
  for (const octet of address.split('.')) bits = bits * 256 + Number(octet);
  return bits * 65536 + port;
}

/** The inverse of {@link peerKey}. */
export function peerOf(key: PeerKey): { readonly address: string; readonly port: number } {
  if (typeof key === 'string') {
    const space = key.indexOf(' ');
    return { address: key.slice(space + 1), port: Number(key.slice(0, space)) };
  }
  const bits = Math.floor(key / 65536);
  return {
    address: [bits / 2 ** 24, bits / 65536, bits / 256, bits].map((n) => Math.floor(n) % 256).join('.'),
    port: key % 65536,
  };
}

/** A key for the address alone. */
export function addressKey(key: PeerKey): PeerKey {
  return typeof key === 'number' ? Math.floor(key / 65536) : key.slice(key.indexOf(' ') + 1);
}
