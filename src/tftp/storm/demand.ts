/**
 * What a storm may ask of a server, before it begins.
 */
import { busiestSecond } from './arrival.ts';
import { identityOf } from './identity.ts';
import { PROFILES } from './profile.ts';
import type { StormPlan } from './storm.ts';

export interface Demand {
  readonly clients: number;
  /** Requests that may begin within one second, if the server is fast. */
  readonly requestsPerSecond: number;
}

/** What needs no `--yes`. */
export const ALLOWANCE: Demand = { clients: 100, requestsPerSecond: 500 };

export function demandOf({ files, profiles, arrivals, clients }: StormPlan): Demand {
  const requests = Math.max(...profiles.map((profile) => PROFILES[profile](files, identityOf(1)).length));
  return { clients: Math.min(clients, arrivals.length), requestsPerSecond: busiestSecond(arrivals) * requests };
}

/** What exceeds the allowance, in words; `undefined` if nothing does. */
export function excess({ clients, requestsPerSecond }: Demand): string | undefined {
  if (clients > ALLOWANCE.clients) return `${clients} clients at a time, more than ${ALLOWANCE.clients}`;
  if (requestsPerSecond <= ALLOWANCE.requestsPerSecond) return undefined;
  return `up to ${requestsPerSecond} requests within a second, more than ${ALLOWANCE.requestsPerSecond}`;
}
