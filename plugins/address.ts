/**
 * IP addresses and networks as the package itself reads them, and addresses as boot loaders write them.
 */
import { parseAddress } from 'pxe';

export { type IpAddress as Address, type Network, parseAddress, parseNetwork } from 'pxe';

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
