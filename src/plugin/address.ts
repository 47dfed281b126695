/**
 * IP addresses as clients have them and as people write them, brought to one spelling.
 */
import { isIP, SocketAddress } from 'node:net';

export interface IpAddress {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

/** Without zone; an IPv4 address in IPv6 clothes (`::ffff:192.168.7.20`) is an IPv4 address. `undefined` if it is no address. */
export function parseAddress(written: string): IpAddress | undefined {
  if (isIP(written) === 4) return { text: written, family: 'ipv4' };
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
  readonly family: IpAddress['family'];
  /** {@link prefixOf} of each of its addresses, and of no other one of its family. */
  readonly prefix: bigint;
  contains(address: IpAddress): boolean;
}

/** `192.168.7.0/24`, `2001:db8::/32`. `undefined` if it is no network. */
export function parseNetwork(written: string): Network | undefined {
  const [, base, digits] = /^(.+)\/(\d{1,3})$/.exec(written) ?? [];
  const address = base === undefined ? undefined : parseAddress(base);
  const bits = Number(digits);
  if (address === undefined || bits > widths[address.family]) return undefined;
  const { family } = address;
  const prefix = prefixOf(numberOf(address), family, bits);
  return {
    bits,
    family,
    prefix,
    contains: (other) => other.family === family && prefixOf(numberOf(other), family, bits) === prefix,
  };
}

/** An address as a number. */
export function numberOf({ text, family }: IpAddress): bigint {
  if (family === 'ipv4') return BigInt(ipv4Number(text));
  const hex = text.replace(/[\d.]+$/, (tail) => {
    if (!tail.includes('.')) return tail;
    const value = ipv4Number(tail);
    return `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
  });
  const [head = '', tail = ''] = hex.split('::');
  const before = head.split(':').filter(Boolean);
  const after = tail.split(':').filter(Boolean);
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return BigInt(`0x${[...before, ...zeros, ...after].map((group) => group.padStart(4, '0')).join('')}`);
}

/** The first `bits` bits of an address. */
export function prefixOf(value: bigint, family: IpAddress['family'], bits: number): bigint {
  return value >> BigInt(widths[family] - bits);
}

const widths = { ipv4: 32, ipv6: 128 } as const;

function ipv4Number(text: string): number {
  return text.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
}
