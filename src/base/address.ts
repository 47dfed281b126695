/**
 * Parses IP addresses, as clients send them and as people write them, into one spelling.
 */
import { isIP, SocketAddress } from 'node:net';

export interface IpAddress {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

/** Drops the zone, and turns an IPv4-mapped IPv6 address (`::ffff:192.168.7.20`) into IPv4. `undefined` if it is not an address. */
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
  /** Prefix length: the longer, the more specific. */
  readonly bits: number;
  readonly family: IpAddress['family'];
  /** The {@link prefixOf} that all of its addresses share. */
  readonly prefix: bigint;
  contains(address: IpAddress): boolean;
}

/** `192.168.7.0/24`, `2001:db8::/32`. `undefined` if it is not a network. */
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

/** An address and the network that it belongs to. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  /** `192.168.7.0/24` */
  readonly network: string;
}

/**
 * One machine's address with its prefix length, as `ip addr`, NetBox and Ansible write it: `192.168.7.50/24`. `undefined` for
 * anything else, including a network (`192.168.7.0/24`), unless it is a single address (`192.168.7.50/32`).
 */
export function parseInterfaceAddress(written: string): InterfaceAddress | undefined {
  const network = parseNetwork(written);
  const address = network && parseAddress(written.slice(0, written.lastIndexOf('/')));
  if (network === undefined || address === undefined) return undefined;
  const { family, bits, prefix } = network;
  const base = prefix << BigInt(widths[family] - bits);
  if (base === numberOf(address) && bits < widths[family]) return undefined;
  return { address, network: `${textOf(base, family)}/${bits}` };
}

/**
 * Explains why an address with host bits set (`192.168.7.50/24`) is ambiguous where either a network or a single machine is
 * allowed; `undefined` if it is not ambiguous.
 */
export function hostBitsProblem(written: string): string | undefined {
  const found = parseInterfaceAddress(written);
  if (found === undefined || found.network.endsWith(`/${widths[found.address.family]}`)) return undefined;
  return `is one machine's address with a prefix length: write ${found.address.text} for that machine, or ${found.network} for its network`;
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

function textOf(value: bigint, family: IpAddress['family']): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = value.toString(16).padStart(32, '0').match(/.{4}/g)!;
  return parseAddress(groups.join(':'))!.text;
}

const widths = { ipv4: 32, ipv6: 128 } as const;

function ipv4Number(text: string): number {
  return text.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
}
