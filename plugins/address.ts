/**
 * IP addresses as clients have them and as people write them, brought to one spelling.
 */
import { BlockList, isIP, SocketAddress } from 'node:net';

export interface Address {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

/** Without zone; an IPv4 address in IPv6 clothes (`::ffff:192.168.7.20`) is an IPv4 address. `undefined` if it is no address. */
export function parseAddress(written: string): Address | undefined {
  const bare = written.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
  const version = isIP(bare);
  if (version === 0) return undefined;
  if (version === 4) return { text: bare, family: 'ipv4' };
  return { text: new SocketAddress({ address: bare, family: 'ipv6' }).address, family: 'ipv6' };
}

/** A network in CIDR notation. */
export interface Network {
  /** Bits that are given: the more, the narrower. */
  readonly bits: number;
  contains(address: Address): boolean;
}

/** `192.168.7.0/24`, `2001:db8::/32`. `undefined` if it is no network. */
export function parseNetwork(written: string): Network | undefined {
  const [, base, digits] = /^(.+)\/(\d{1,3})$/.exec(written) ?? [];
  const address = base === undefined ? undefined : parseAddress(base);
  const bits = Number(digits);
  if (address === undefined || bits > (address.family === 'ipv4' ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address.text, bits, address.family);
  return { bits, contains: (other) => other.family === address.family && list.check(other.text, other.family) };
}

/** As boot loaders write addresses into names: `C0A80714` for 192.168.7.20, 32 digits for IPv6. Without zone; `''` if it is no address. */
export function hexAddress(written: string): string {
  const address = parseAddress(written);
  if (address === undefined) return '';
  if (address.family === 'ipv4') return octetsHex(address.text);
  // `::ffff:1.2.3.4` and the like.
  const [head = '', tail] = address.text
    .replace(/[\d.]+$/, (end) => (end.includes('.') ? octetsHex(end).replace(/^.{4}/, '$&:') : end))
    .split('::');
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after]
    .map((group) => group.padStart(4, '0'))
    .join('')
    .toUpperCase();
}

function octetsHex(dotted: string): string {
  return dotted
    .split('.')
    .map((octet) => Number(octet).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}
