/**
 * The facts that identify a machine: its MAC address, UUID and serial number. Each has its own source: one may come from a lease
 * of the DHCP server, another may be only the client's claim.
 */
import { parseSerial } from '../base/serial.ts';
import type { Client, FactName, Identity } from './types.ts';

/** In the order in which they are shown. */
export const factNames = ['mac', 'uuid', 'serial'] as const satisfies readonly FactName[];

/** The source of a fact: {@link Identity.source}. */
export function sourceOf(client: Client, fact: FactName): string | undefined {
  return client[`${fact}Source`];
}

/** Adds the facts of an identity that the client lacks. */
export function withIdentity(client: Client, { source, ageMs, firmware, arch, ...facts }: Identity): Client {
  const news = factNames.filter((fact) => facts[fact] !== undefined && client[fact] === undefined);
  // The two belong together: the type is the processor that the firmware runs on.
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

/** The facts in a question or a machine list, as an identity with the source `given`; `undefined` if there are none. */
export function givenIdentity({ mac, uuid, serial }: Pick<Client, FactName>): Identity | undefined {
  if ((mac ?? uuid ?? serial) === undefined) return undefined;
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(uuid === undefined ? {} : { uuid: uuid.toLowerCase() }),
    ...(serial === undefined ? {} : { serial: parseSerial(serial) }),
    source: 'given',
  };
}
