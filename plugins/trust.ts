/**
 * Which sources of a MAC address, UUID or serial number count. Some anybody can claim: the name of a file, above all.
 */
import type { Client } from 'pxe';

/**
 * @param trust names of sources, each for all that begin with it: `leases` is for `leases:/var/lib/misc/dnsmasq.leases`, too.
 * Left out: all.
 */
export function trusts({ macSource }: Client, trust: readonly string[] | undefined): boolean {
  // `given`: by who asks `pxe explain`.
  if (trust === undefined || macSource === undefined || macSource === 'given') return true;
  return trust.some((source) => macSource === source || macSource.startsWith(`${source}:`));
}
