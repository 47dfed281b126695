/**
 * A request to read or to write: an exchange that finds content or a sink, and closes it once, before its end is reported.
 */
import { type Awaitable, isLater } from '../base/awaitable.ts';
import { Refusal } from '../base/refusal.ts';
import type { Content, Sink } from '../content/content.ts';
import { PluginError } from '../plugin/error.ts';
import type { Opened, ReadRoute, RouteOptions, WriteRoute } from '../plugin/route.ts';
import type { FileRequest } from '../plugin/types.ts';
import { Exchange, refusalOf } from './exchange.ts';
import { Feed, type FeedCall, type FeedOwner } from './feed.ts';
import type { Lease } from './generation.ts';
import type { ServiceHost } from './service.ts';

const NO_UPLOADS = Object.freeze(new Refusal('forbidden', 'uploads are not allowed'));

export abstract class ContentExchange extends Exchange<FileRequest> implements FeedOwner {
  /** Name of the plugin that provided the content or sink; `undefined` if no plugin did. */
  plugin: string | undefined;
  feed: Feed | undefined;

  constructor(host: ServiceHost, lease: Lease, request: FileRequest) {
    super(host, lease, request);
    this.plugin = undefined;
    this.feed = undefined;
  }

  /** Time limit of one call of the content or sink. */
  abstract readonly callMs: number;

  /** Reports a failure to the client: a refusal as it is, anything else without details. */
  onFailure(error: unknown, call: FeedCall): void {
    if (!(error instanceof Refusal) || call === 'close') this.fault(error, call);
    if (call !== 'close') this.refuse(refusalOf(error));
  }

  /** A failure of a plugin's content or sink is logged as the plugin's. */
  protected override fault(error: unknown, what: string): void {
    const { id, plugin, request } = this;
    if (plugin === undefined) return super.fault(error, what);
    const hook = request.kind === 'read' ? 'open' : 'store';
    this.host.log.error({ err: new PluginError(plugin, hook, error), transfer: id, plugin, hook }, 'plugin failed');
  }

  /** Converts the content to its form on the wire. */
  protected encoded(content: Content): Content {
    return content;
  }

  /** Wraps the sink so that it takes bytes as received. */
  protected decoded(sink: Sink): Sink {
    return sink;
  }

  /** Prepares what `send` needs. Throws a refusal, or what reading threw. */
  protected prepare(): Awaitable<void> {}

  /** Releases what the protocol has borrowed of the content or sink, before that is closed. */
  protected release(): Awaitable<void> {}

  protected async find(options: RouteOptions): Promise<void> {
    const { request, generation } = this;
    if (request.kind === 'read') this.#takeContent(await generation.pipeline.route(request, options));
    else await this.#takeSink(await generation.pipeline.route(request, options));
    const prepared = this.prepare();
    if (isLater(prepared)) await prepared;
  }

  protected override close(): Awaitable<void> {
    const release = this.release();
    return isLater(release) ? release.then(() => this.feed?.close()) : this.feed?.close();
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
}
