/**
 * What the Server and a protocol agree on. A service has its sockets, its packets and its limits; it asks its host for a lease for
 * each exchange, and knows no other service.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ExchangeInfo, ExchangeSummary } from '../plugin/types.ts';
import type { Stats } from '../stats/stats.ts';
import type { Generation, Lease } from './generation.ts';
import type { Sightings } from './sightings.ts';

/** A local address and port. */
export interface LocalAddress {
  readonly address: string;
  readonly port: number;
}

/** A protocol that the server offers. */
export interface Service {
  readonly name: string;
  /** Current addresses. */
  readonly addresses: readonly LocalAddress[];
  /** Exchanges in progress. */
  readonly underWay: Iterable<ExchangeInfo>;
  /** The same, and how far each has come. */
  exchanges(): Promise<readonly LiveExchange[]>;
  /**
   * Binds what the generation's config asks for beside what is bound. Rejects with Node's system error, and nothing new bound. One
   * at a time: the next is prepared after this one is committed or abandoned.
   */
  prepare(generation: Generation): Promise<Prepared>;
  /**
   * Accepts no more requests, lets exchanges finish for `graceMs`, and refuses the rest; resolves when all have ended. A second
   * call with a shorter grace period shortens the first.
   */
  stop(graceMs: number): Promise<void>;
}

/** Everything that a generation's config asks for is bound: `commit` or `abandon` it, once. */
export interface Prepared {
  /** Puts it in force, and closes what is not asked for any more. Returns the addresses that were not listened on before. */
  commit(): readonly LocalAddress[];
  /** Closes the newly bound sockets. */
  abandon(): Promise<void>;
}

/** An entry of the live list. */
export interface LiveExchange extends ExchangeInfo {
  /** Content bytes acknowledged (read) or received (write) so far. */
  readonly bytes: number;
  /** Only for protocols that retransmit and measure round trips themselves. */
  readonly retransmissions?: number;
  readonly rttMs?: number | undefined;
  /** Time since the request arrived. */
  readonly ageMs: number;
}

/** What the server provides to a service. */
export interface ServiceHost {
  readonly log: Log;
  readonly clock: Clock;
  readonly stats: Stats;
  /** The machines that services have seen: whichever sees one writes it there. */
  readonly sightings: Sightings;
  /** For an exchange: unique in this process. */
  nextId(): number;
  /** On the generation in force: the whole exchange belongs to it, so take it before anything is awaited. */
  lease(): Lease;
  /** Called when an exchange has its answer. */
  onStart(exchange: ExchangeInfo): void;
  /** Called when an exchange has ended and its content or sink is released, but not yet its lease. */
  onEnd(exchange: ExchangeSummary, generation: Generation): void;
}
