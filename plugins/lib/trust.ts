/**
 * Which sources of a MAC address, UUID or serial number count. Any client can claim some of them: in the name of a file, above all.
 */
import type { Client, FactName } from 'pxe';
import { factNames, sourceOf } from 'pxe/kit';

/** Tells whether a source counts; `undefined` where the caller did not say where a fact is from. */
export type Trust = (source: string | undefined) => boolean;

/**
 * @param trust names of sources, each for all that begin with it: `leases` is for `leases:/var/lib/misc/dnsmasq.leases`, too.
 * Left out: all.
 */
export function trustIn(trust: readonly string[] | undefined): Trust {
  return (source) => {
    // `given`: by the caller of `pxe explain`.
    if (trust === undefined || source === undefined || source === 'given') return true;
    return trust.some((one) => source === one || source.startsWith(`${one}:`));
  };
}

/** Trusts all sources but the name asked for. */
export const allButNames: Trust = (source) => source !== 'filename';

/** The facts of a client that count. */
export function trustedFacts(client: Client, trust: Trust): Pick<Client, FactName> {
  const counting = factNames.filter((fact) => client[fact] !== undefined && trust(sourceOf(client, fact)));
  return Object.fromEntries(counting.map((fact) => [fact, client[fact]]));
}

/**
 * The client with the facts that count and no others. `undefined` if what is known of it does not count: each fact that is known is
 * from a source that does not, or its host rests on such a fact.
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
