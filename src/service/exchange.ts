/**
 * One request on the control plane, from its arrival to the end of its content or sink. Here alone its lease is given back, its
 * content closed, its end counted, and its observers told, each exactly once. How an answer goes over the wire is the protocol's
 * business, which derives from it.
 *
 *     begun ──▶ answering ──▶ answered ──▶ ended
 *
 * It may end in any of these: a client that goes while its answer is being looked for aborts the search, and the lease is held until
 * the plugins have noticed.
 */
import { Abort, type Signal } from '../base/abort.ts';
import { type Awaitable, isLater } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import { boundLog } from '../base/log.ts';
import { INTERNAL, Refusal } from '../base/refusal.ts';
import type { Content, Sink } from '../content/content.ts';
import { PluginError } from '../plugin/error.ts';
import type { Opened, ReadRoute, RouteOptions, WriteRoute } from '../plugin/route.ts';
import type { Trace } from '../plugin/trace.ts';
import type { ExchangeInfo, ExchangeSummary, Request } from '../plugin/types.ts';
import { countBegin, countEnd } from './count.ts';
import { Feed, type FeedCall, type FeedOwner } from './feed.ts';
import type { Generation, Lease } from './generation.ts';
import type { LiveExchange, ServiceHost } from './service.ts';

/** How an exchange ended, as its protocol tells it. */
export type ExchangeEnd = Omit<ExchangeSummary, keyof ExchangeInfo>;

const GONE = new Error('the client has gone');
const NO_UPLOADS = Object.freeze(new Refusal('forbidden', 'uploads are not allowed'));

export abstract class Exchange implements FeedOwner {
  /** Unique in this process. */
  readonly id: number;
  readonly host: ServiceHost;
  readonly lease: Lease;
  /** When the request came, on the host's clock. */
  readonly begunMs: number;
  /** What plugins have made of it so far. */
  request: Request;
  served: string | undefined;
  /** Whose content or sink it is; `undefined` where no plugin answered. */
  plugin: string | undefined;
  size: number | undefined;
  feed: Feed | undefined;
  readonly #gone = new Abort();
  /** The search for an answer, while there is one. */
  #answering: Promise<void> | undefined;
  #ended = false;

  constructor(host: ServiceHost, lease: Lease, request: Request) {
    this.id = host.nextId();
    this.host = host;
    this.lease = lease;
    this.begunMs = host.clock.now();
    this.request = request;
    this.served = undefined;
    this.plugin = undefined;
    this.size = undefined;
    this.feed = undefined;
    countBegin(host.stats, request.kind);
  }

  /** One call of the content or sink may take this long. */
  abstract readonly callMs: number;
  /** Begins to send the content, or to take bytes for the sink. */
  protected abstract send(): void;
  /** Tells the client, whether it was answered before or not. The exchange then ends as after any answer. */
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

  /** A line of the live list. */
  live(bytes = 0): LiveExchange {
    return { ...this.info, bytes, ageMs: Math.round(this.clock.now() - this.begunMs) };
  }

  /** Finds the answer by the generation's pipeline, and sends it; once. @param unservable {@link RouteOptions.unservable} */
  answer(unservable?: Refusal): void {
    this.#answering = this.#answer(unservable);
  }

  /** The protocol's last word: nothing is sent or received any more. Resolves when nothing of the exchange is left; never rejects. */
  end(end: ExchangeEnd): Awaitable<void> {
    if (this.ended) return this.fault(new Error(`exchange ${this.id} has already ended`), 'end');
    this.#ended = true;
    if (this.#answering === undefined) return this.#giveBack(end);
    this.#gone.abort(GONE);
    return this.#answering.then(() => this.#giveBack(end));
  }

  /** What has failed once is told to the client; what is not a refusal, as little as possible. */
  onFailure(error: unknown, call: FeedCall): void {
    if (!(error instanceof Refusal) || call === 'close') this.fault(error, call);
    if (call !== 'close') this.refuse(refusalOf(error));
  }

  /** What a plugin's content or sink does wrong is the plugin's doing, and told as such. */
  protected fault(error: unknown, what: string): void {
    const { id, plugin, request } = this;
    const { log } = this.host;
    if (plugin === undefined) return log.error({ err: error, transfer: id }, `${what} failed`);
    const hook = request.kind === 'read' ? 'open' : 'store';
    log.error({ err: new PluginError(plugin, hook, error), transfer: id, plugin, hook }, 'plugin failed');
  }

  /** {@link RouteOptions.describe} */
  protected get describe(): RouteOptions['describe'] {
    return undefined;
  }

  /** The content in the form that goes over the wire. */
  protected encoded(content: Content): Content {
    return content;
  }

  /** A sink for what comes over the wire. */
  protected decoded(sink: Sink): Sink {
    return sink;
  }

  /** Makes ready what `send` needs. Throws a refusal, or what reading threw. */
  protected prepare(): Awaitable<void> {}

  /** Ends what the protocol does with the content or sink, before that is closed. */
  protected letGo(): Awaitable<void> {}

  async #answer(unservable: Refusal | undefined): Promise<void> {
    const { request, generation } = this;
    const options = this.#options(unservable);
    try {
      if (request.kind === 'read') this.#takeContent(await generation.pipeline.route(request, options));
      else await this.#takeSink(await generation.pipeline.route(request, options));
      const prepared = this.prepare();
      if (isLater(prepared)) await prepared;
      this.#gone.throwIfAborted();
      const { info } = this;
      generation.pipeline.start(info);
      this.host.onStart(info);
      this.send();
    } catch (error) {
      // That its client has gone is not a failure.
      if (this.#gone.aborted) return;
      if (!(error instanceof Refusal)) this.fault(error, 'request');
      this.refuse(refusalOf(error));
    } finally {
      this.#answering = undefined;
      const { trace, log } = options;
      if (trace) log?.debug({ client: request.client.address, asked: request.asked, trace }, 'route');
    }
  }

  #takeContent(route: ReadRoute): void {
    this.request = route.request;
    if (route.error) throw route.error;
    const { served, plugin, content }: Opened = route;
    this.served = served;
    this.plugin = plugin;
    this.size = content.size;
    this.feed = new Feed(this, this.encoded(content), undefined);
  }

  async #takeSink({ request, error, ...route }: WriteRoute): Promise<void> {
    this.request = request;
    if (error) throw error;
    const taken = 'plugin' in route ? route : undefined;
    this.plugin = taken?.plugin;
    this.size = request.size;
    const sink = taken?.sink ?? (await this.generation.uploads?.open(request.name, request.size));
    if (!sink) throw NO_UPLOADS;
    this.feed = new Feed(this, undefined, this.decoded(sink));
  }

  #options(unservable: Refusal | undefined): RouteOptions {
    const { log } = this.host;
    const { describe } = this;
    const options = { signal: this.#gone, log: boundLog(log, { transfer: this.id }), unservable, describe };
    // What each hook answers costs time to note.
    if (!isVerbose(this.generation)) return options;
    const trace: Trace = [];
    return { ...options, trace };
  }

  #giveBack(end: ExchangeEnd): Awaitable<void> {
    const letGo = this.letGo();
    const closed = isLater(letGo) ? letGo.then(() => this.feed?.close()) : this.feed?.close();
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

function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : INTERNAL;
}
