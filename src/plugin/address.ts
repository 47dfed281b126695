/**
 * IP addresses as clients have them and as people write them, brought to one spelling.
 */
import { BlockList, isIP, SocketAddress } from 'node:net';

export interface IpAddress {
  readonly text: string;
  readonly family: 'ipv4' | 'ipv6';
}

/** Without zone; an IPv4 address in IPv6 clothes (`::ffff:192.168.7.20`) is an IPv4 address. `undefined` if it is no address. */
export function parseAddress(written: string): IpAddress | undefined {
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
  contains(address: IpAddress): boolean;
}

/** `192.168.7.0/24`, `2001:db8::/32`. `undefined` if it is no network. */
export function parseNetwork(written: string): Network | undefined {
  const [, base, digits] = /^(.+)\/(\d{1,3})$/.exec(written) ?? [];
  const address = base === undefined ? undefined : parseAddress(base);
  const bits = Number(digits);
  if (address === undefined || bits > (address.family === 'ipv4' ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address.text, bits, address.family);
  const { family } = address;
  return { bits, family, contains: (other) => other.family === family && list.check(other.text, family) };
}
