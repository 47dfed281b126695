/**
 * Everything that is counted. A counter is one line here: the code that counts names it, and `server.stats()` has it. The first word of a
 * name says what is counted.
 */

/** What each counter counts. Counters only rise. */
export const COUNTERS = {
  'requests.read': 'requests to read; those beyond a limit count as drops',
  'requests.write': 'requests to write; the same',
  'requests.repeated': 'requests that a client sent again',
  'outcomes.completed': 'requests that ended with the whole file',
  'outcomes.probed': 'requests of clients that wanted the size only',
  'outcomes.aborted': 'requests that the client gave up',
  'outcomes.refused': 'requests that the server refused',
  'outcomes.failed': 'requests that failed for another reason',
  'bytes.sent': 'bytes of files that clients acknowledged, counted when a request ends',
  'bytes.received': 'bytes of uploads, counted when a request ends',
  'packets.resent': 'packets sent again, counted when a request ends',
  'drops.malformed': 'datagrams that cannot be read as TFTP',
  'drops.not-listening': 'requests to a port that only transfers use',
  'drops.unknown-transfer': 'datagrams of a transfer that does not exist, or not any more',
  'drops.too-many-transfers': 'requests beyond `limits.transfers`',
  'drops.too-many-transfers-of-address': 'requests beyond `limits.transfersPerClient`',
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Why a datagram came to nothing. */
export type DropReason = CounterName extends infer Name ? (Name extends `drops.${infer Reason}` ? Reason : never) : never;

export const COUNTER_NAMES = Object.keys(COUNTERS) as readonly CounterName[];

const DROPS = 'drops.';

export const DROP_REASONS = COUNTER_NAMES.filter((name) => name.startsWith(DROPS)).map((name) =>
  name.slice(DROPS.length),
) as readonly DropReason[];
