/**
 * Decides which sources of a MAC address, UUID or serial number count. Any client can claim some of these facts, above all in a
 * file name.
 */
import type { Client, FactName } from 'pxe';
import { factNames, sourceOf } from 'pxe/kit';

/** Whether a source counts; `undefined` if the source of a fact is unknown. */
export type Trust = (source: string | undefined) => boolean;

/**
 * @param trust names of sources. A name includes all sources that begin with it: `leases` includes
 * `leases:/var/lib/misc/dnsmasq.leases`. Default: all.
 */
export function trustIn(trust: readonly string[] | undefined): Trust {
  return (source) => {
    // `given`: by the caller of `pxe explain`.
    if (trust === undefined || source === undefined || source === 'given') return true;
    return trust.some((one) => source === one || source.startsWith(`${one}:`));
  };
}

/** Trusts all sources but the requested name. */
export const allButNames: Trust = (source) => source !== 'filename';

/** The facts of a client that count. */
export function trustedFacts(client: Client, trust: Trust): Pick<Client, FactName> {
  const counting = factNames.filter((fact) => client[fact] !== undefined && trust(sourceOf(client, fact)));
  return Object.fromEntries(counting.map((fact) => [fact, client[fact]]));
}

/**
 * The client with only the facts that count. `undefined` if none of its facts counts, or if its host was found by a fact that
 * does not count.
 */
export function trustedClient(client: Client, trust: Trust): Client | undefined {
  const distrusted = factNames.filter((fact) => client[fact] !== undefined && !trust(sourceOf(client, fact)));
  if (distrusted.length === 0) return client;
  const known = factNames.filter((fact) => client[fact] !== undefined && !distrusted.includes(fact));
  const { restsOn = [] } = client.host ?? {};
  if (known.length === 0 || !restsOn.every((facts) => facts.some((fact) => known.includes(fact)))) return undefined;
  const dropped = new Set(distrusted.flatMap((fact) => [fact, `${fact}Source`, `${fact}AgeMs`]));
  return Object.fromEntries(Object.entries(client).filter(([key]) => !dropped.has(key))) as unknown as Client;
}
