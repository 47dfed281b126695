/**
 * One request on the control plane, from its arrival to its end. Only this class releases its lease, counts its end and calls its
 * observers, each exactly once. Derived classes find the answer, and the protocol sends it.
 *
 *     begun ──▶ answering ──▶ answered ──▶ ended
 *
 * It may end in any of these states: a client that goes during the search for an answer aborts the search, and the lease is held
 * until the plugins have returned.
 */
import { Abort, type Signal } from '../base/abort.ts';
import { type Awaitable, isLater } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import { boundLog } from '../base/log.ts';
import { INTERNAL, Refusal } from '../base/refusal.ts';
import type { RouteOptions } from '../plugin/route.ts';
import type { Trace } from '../plugin/trace.ts';
import type { ExchangeInfo, ExchangeSummary, Request } from '../plugin/types.ts';
import { countBegin, countEnd } from './count.ts';
import type { Generation, Lease } from './generation.ts';
import type { LiveExchange, ServiceHost } from './service.ts';

/** How an exchange ended, as reported by its protocol. */
export type ExchangeEnd = Omit<ExchangeSummary, keyof ExchangeInfo>;

const GONE = new Error('the client has gone');

export abstract class Exchange<Asked extends Request = Request> {
  /** Unique in this process. */
  readonly id: number;
  readonly host: ServiceHost;
  readonly lease: Lease;
  /** Arrival of the request, on the host's clock. */
  readonly begunMs: number;
  /** The request as changed by plugins so far. */
  request: Asked;
  served: string | undefined;
  size: number | undefined;
  readonly #gone = new Abort();
  /** The search for an answer, while there is one. */
  #answering: Promise<void> | undefined;
  #ended = false;

  constructor(host: ServiceHost, lease: Lease, request: Asked) {
    this.id = host.nextId();
    this.host = host;
    this.lease = lease;
    this.begunMs = host.clock.now();
    this.request = request;
    this.served = undefined;
    this.size = undefined;
    countBegin(host.stats, request.kind);
  }

  /** Runs the pipeline and prepares what `send` needs. Throws a refusal or any other error. */
  protected abstract find(options: RouteOptions): Promise<void>;
  /** Begins to send the answer. */
  protected abstract send(): void;
  /** Sends an error to the client, whether it was answered before or not. The exchange then ends as after any answer. */
  protected abstract refuse(refusal: Refusal): void;

  get generation(): Generation {
    return this.lease.generation;
  }

  get clock(): Clock {
    return this.host.clock;
  }

  /** `end` was called. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Aborted when the client has gone. */
  protected get gone(): Signal {
    return this.#gone;
  }

  get info(): ExchangeInfo {
    const { id, request, served, size } = this;
    return { id, request, served, size, generation: this.generation.number };
  }

  /** The exchange's entry in the live list. */
  live(bytes = 0): LiveExchange {
    return { ...this.info, bytes, ageMs: Math.round(this.clock.now() - this.begunMs) };
  }

  /**
   * Finds the answer by the generation's pipeline and sends it; called once. @param unservable {@link RouteOptions.unservable}
   */
  answer(unservable?: Refusal): void {
    this.#answering = this.#answer(unservable);
  }

  /** Called by the protocol when it sends and receives nothing more. Resolves when all resources are released; never rejects. */
  end(end: ExchangeEnd): Awaitable<void> {
    if (this.ended) return this.fault(new Error(`exchange ${this.id} has already ended`), 'end');
    this.#ended = true;
    if (this.#answering === undefined) return this.#giveBack(end);
    this.#gone.abort(GONE);
    return this.#answering.then(() => this.#giveBack(end));
  }

  /** Logs an unexpected error. */
  protected fault(error: unknown, what: string): void {
    this.host.log.error({ err: error, transfer: this.id }, `${what} failed`);
  }

  /** {@link RouteOptions.describe} */
  protected get describe(): RouteOptions['describe'] {
    return undefined;
  }

  /** Releases the exchange's resources before its end is reported. Never rejects. */
  protected close(): Awaitable<void> {}

  async #answer(unservable: Refusal | undefined): Promise<void> {
    const options = this.#options(unservable);
    try {
      await this.find(options);
      this.#gone.throwIfAborted();
      const { info, generation } = this;
      generation.pipeline.start(info);
      this.host.onStart(info);
      this.send();
    } catch (error) {
      // A client that has gone is not a failure.
      if (this.#gone.aborted) return;
      if (!(error instanceof Refusal)) this.fault(error, 'request');
      this.refuse(refusalOf(error));
    } finally {
      this.#answering = undefined;
      const { trace, log } = options;
      const { client, asked } = this.request;
      if (trace) log?.debug({ client: client.address, asked, trace }, 'route');
    }
  }

  #options(unservable: Refusal | undefined): RouteOptions {
    const { log } = this.host;
    const { describe } = this;
    const options = { signal: this.#gone, log: boundLog(log, { transfer: this.id }), unservable, describe };
    // Tracing each hook costs time.
    if (!isVerbose(this.generation)) return options;
    const trace: Trace = [];
    return { ...options, trace };
  }

  #giveBack(end: ExchangeEnd): Awaitable<void> {
    const closed = this.close();
    if (isLater(closed)) return closed.then(() => this.#finish(end));
    this.#finish(end);
  }

  #finish(end: ExchangeEnd): void {
    countEnd(this.host.stats, this.request.kind, end);
    const summary: ExchangeSummary = { ...this.info, ...end };
    this.generation.pipeline.end(summary);
    this.host.onEnd(summary, this.generation);
    this.lease.release();
  }
}

function isVerbose({ config }: Generation): boolean {
  return config.log.level === 'debug' || config.log.level === 'trace';
}

/** What a client may know of an error. */
export function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : INTERNAL;
}
