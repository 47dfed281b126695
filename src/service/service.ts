/**
 * What the Server and a protocol agree on. A service has its sockets, its packets and its limits; it asks its host for a lease for
 * each exchange, and knows no other service.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ExchangeInfo, ExchangeSummary } from '../plugin/types.ts';
import type { Stats } from '../stats/stats.ts';
import type { Generation, Lease } from './generation.ts';

/** A local address and port. */
export interface LocalAddress {
  readonly address: string;
  readonly port: number;
}

/** One protocol that is served. */
export interface Service {
  readonly name: string;
  /** Where it listens now. */
  readonly addresses: readonly LocalAddress[];
  /** Exchanges that have not ended. */
  readonly underWay: Iterable<ExchangeInfo>;
  /** The same, and how far each has come. */
  exchanges(): Promise<readonly LiveExchange[]>;
  /**
   * Binds what the generation's config asks for beside what is bound. Rejects with Node's system error, and nothing new bound. One
   * at a time: the next is prepared after this one is committed or abandoned.
   */
  prepare(generation: Generation): Promise<Prepared>;
  /**
   * Takes no more requests, lets exchanges end for `graceMs`, and refuses the rest; resolves when nothing is left of any. A second
   * call with a shorter grace period shortens the first.
   */
  stop(graceMs: number): Promise<void>;
}

/** Everything that a generation's config asks for is bound: `commit` or `abandon` it, once. */
export interface Prepared {
  /** Puts it in force, and closes what is not asked for any more. Returns the addresses that were not listened on before. */
  commit(): readonly LocalAddress[];
  /** Closes what was bound for it. */
  abandon(): Promise<void>;
}

/** A line of the live list. */
export interface LiveExchange extends ExchangeInfo {
  /** Content bytes acknowledged (read) or received (write) so far. */
  readonly bytes: number;
  /** Where the protocol sends again and measures round trips by itself. */
  readonly retransmissions?: number;
  readonly rttMs?: number | undefined;
  /** Time since the request came. */
  readonly ageMs: number;
}

/** What a service has of the server. */
export interface ServiceHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly stats: Stats;
  /** For an exchange: unique in this process. */
  nextId(): number;
  /** On the generation in force: the whole exchange belongs to it, so take it before anything is awaited. */
  lease(): Lease;
  /** An exchange has its answer. */
  onStart(exchange: ExchangeInfo): void;
  /** An exchange has ended, and its content or sink is given back. Its lease is still held. */
  onEnd(exchange: ExchangeSummary, generation: Generation): void;
}
