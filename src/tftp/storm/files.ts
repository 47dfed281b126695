/**
 * What a storm's machines load, as a user names it: TFTP addresses, and after a comma further names on the same server.
 */

import { peerKey } from '../../base/peer.ts';
import { resolveHost } from '../client/resolve.ts';
import { parseUrl, type Remote } from '../client/url.ts';
import type { StormFile } from './profile.ts';

/** `tftp://host/a,b` is two files. Throws a `ClientError`. */
export function parseFiles(url: string): Remote[] {
  const [first = '', ...names] = url.split(',');
  const base = /^[a-z]+:\/\/[^/]*\//i.exec(first)?.[0] ?? '';
  return [parseUrl(first), ...names.map((name) => parseUrl(base + name))];
}

/** The same with the servers' addresses, all of one family. Rejects with a `ClientError`. */
export async function locateFiles(
  remotes: readonly Remote[],
  localAddress: string | undefined,
): Promise<{ readonly files: readonly StormFile[]; readonly family: 4 | 6 }> {
  const addresses = new Map<string, Awaited<ReturnType<typeof resolveHost>>>();
  for (const { host } of remotes) if (!addresses.has(host)) addresses.set(host, await resolveHost(host, localAddress));
  const files = remotes.map(({ host, port, name }) => ({ server: peerKey(addresses.get(host)!.address, port), name }));
  const families = new Set(Array.from(addresses.values(), ({ family }) => family));
  if (families.size > 1) throw new Error('some servers have IPv4 addresses and some IPv6: give a --local-address');
  return { files, family: families.has(6) ? 6 : 4 };
}
