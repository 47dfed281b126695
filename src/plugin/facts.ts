/**
 * What tells a machine from others: its MAC address, UUID and serial number. Each is a fact of its own, with a source of its own: one
 * may be a lease of the DHCP server and another no more than the client's claim.
 */
import { parseSerial } from '../base/serial.ts';
import type { Client, FactName, Identity } from './types.ts';

/** In the order in which people are told of them. */
export const factNames = ['mac', 'uuid', 'serial'] as const satisfies readonly FactName[];

/** Where a fact is known from: {@link Identity.source}. */
export function sourceOf(client: Client, fact: FactName): string | undefined {
  return client[`${fact}Source`];
}

/** Adds the facts of an identity that are not known of the client yet. */
export function withIdentity(client: Client, { source, ageMs, firmware, arch, ...facts }: Identity): Client {
  const news = factNames.filter((fact) => facts[fact] !== undefined && client[fact] === undefined);
  // The two go together: the type says what the firmware runs on.
  const program =
    client.firmware === undefined && client.arch === undefined
      ? { ...(firmware !== undefined && { firmware }), ...(arch !== undefined && { arch }) }
      : {};
  if (news.length === 0 && Object.keys(program).length === 0) return client;
  const added = news.map((fact) => ({
    [fact]: facts[fact],
    [`${fact}Source`]: source,
    ...(ageMs === undefined ? {} : { [`${fact}AgeMs`]: ageMs }),
  }));
  return Object.assign({ ...client }, ...added, program);
}

/** What a question or a machine list says of a machine, as an identity of the source `given`; `undefined` if it says nothing. */
export function givenIdentity({ mac, uuid, serial }: Pick<Client, FactName>): Identity | undefined {
  if ((mac ?? uuid ?? serial) === undefined) return undefined;
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
    ...(serial === undefined ? {} : { serial: parseSerial(serial) }),
    source: 'given',
  };
}
