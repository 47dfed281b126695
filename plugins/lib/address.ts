/**
 * IP addresses as boot loaders write them.
 */
import { numberOf, parseAddress } from 'pxe/kit';

/**
 * An address as boot loaders write it into names: `C0A80714` for 192.168.7.20, 32 digits for IPv6. Without zone; `''` if invalid.
 */
export function hexAddress(written: string): string {
  const address = parseAddress(written);
  if (address === undefined) return '';
  const digits = address.family === 'ipv4' ? 8 : 32;
  return numberOf(address).toString(16).padStart(digits, '0').toUpperCase();
}
