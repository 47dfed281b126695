/**
 * The interface between the Server and a protocol. A service has its own sockets, packets and limits. It asks its host for a
 * lease for each exchange, and does not know other services.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
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
  /** The same, with their progress. */
  exchanges(): Promise<readonly LiveExchange[]>;
  /** Files that its section of a config names: a change of one wants a reload. */
  files?(config: ResolvedConfig): readonly string[];
  /**
   * Binds the additional addresses of the generation's config. If it rejects, with Node's system error, nothing new is bound.
   * Each preparation must be committed or abandoned before the next.
   */
  prepare(generation: Generation): Promise<Prepared>;
  /**
   * Accepts no more requests, lets exchanges finish for `graceMs`, and refuses the rest; resolves when all have ended. A second
   * call with a shorter grace period shortens the first.
   */
  stop(graceMs: number): Promise<void>;
}

/** A generation whose addresses are all bound: `commit` or `abandon` it, once. */
export interface Prepared {
  /** Puts it in force and closes addresses that are no longer configured. Returns the new addresses. */
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
  /** The machines that services have seen; each service adds those that it sees. */
  readonly sightings: Sightings;
  /** Number for an exchange, unique in this process. */
  nextId(): number;
  /** A lease of the generation in force, to which the whole exchange then belongs; take it before anything is awaited. */
  lease(): Lease;
  /** Called when an exchange has its answer. */
  onStart(exchange: ExchangeInfo): void;
  /** Called when an exchange has ended and its content or sink is released, but not yet its lease. */
  onEnd(exchange: ExchangeSummary, generation: Generation): void;
}
