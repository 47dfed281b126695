/**
 * HTTP as a service: GET and HEAD of the names that TFTP serves, by the same pipeline. What needs Node's HTTP is loaded with the first config that
 * has the section, so that a server without it starts no slower.
 */
import { resolve } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import { Drain } from '../service/drain.ts';
import type { Generation } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service, ServiceHost } from '../service/service.ts';
import type { Front } from './front.ts';
import type { Bind } from './listeners.ts';

export interface HttpOptions {
  /** Node's TCP, unless connections are simulated. */
  readonly bind?: Bind;
}

export class HttpService implements Service {
  readonly name = 'http';
  readonly #host: ServiceHost;
  readonly #options: HttpOptions;
  readonly #drain: Drain;
  /** From the first config on that has the section. */
  #front: Front | undefined;
  #preparing: Promise<unknown> = Promise.resolve();

  constructor(host: ServiceHost, options: HttpOptions = {}) {
    this.#host = host;
    this.#options = options;
    this.#drain = new Drain(host.clock);
  }

  get addresses(): readonly LocalAddress[] {
    return this.#front?.addresses ?? [];
  }

  get underWay(): Iterable<ExchangeInfo> {
    return Array.from(this.#front?.exchanges ?? [], ({ info }) => info);
  }

  async exchanges(): Promise<readonly LiveExchange[]> {
    return Array.from(this.#front?.exchanges ?? [], (exchange) => exchange.live(exchange.sent));
  }

  files({ http, dir }: ResolvedConfig): readonly string[] {
    return http?.tls === undefined ? [] : [resolve(dir, http.tls.cert), resolve(dir, http.tls.key)];
  }

  async prepare({ config: { http, dir } }: Generation): Promise<Prepared> {
    if (this.#drain.begun) throw new Error('the server is stopping');
    if (http === undefined && this.#front === undefined) return { commit: () => [], abandon: async () => {} };
    const preparing = this.#open().then((front) => front.prepare(http, dir));
    this.#preparing = preparing.catch(() => {});
    return preparing;
  }

  stop(graceMs: number): Promise<void> {
    return this.#drain.stop(graceMs, async (graceOver) => {
      await this.#preparing;
      await this.#front?.stop(graceOver);
    });
  }

  async #open(): Promise<Front> {
    const { Front } = await import('./front.ts');
    this.#front ??= new Front(this.#host, this.#options.bind);
    return this.#front;
  }
}
