/**
 * A second service, for tests: a client sends a name, and gets the name under which it was found and the size of what is there. It
 * shows how little a protocol needs, and that the Server does not know which one it is.
 */
import { EmptyingMap } from '../../src/base/emptying-map.ts';
import { Refusal } from '../../src/base/refusal.ts';
import { readSegment } from '../../src/content/read-segment.ts';
import type { Listening } from '../../src/net/listening.ts';
import type { Outcome, ReadFields } from '../../src/plugin/types.ts';
import { ContentExchange } from '../../src/service/content-exchange.ts';
import { Drain } from '../../src/service/drain.ts';
import type { Generation, Lease } from '../../src/service/generation.ts';
import type { LocalAddress, Prepared, Service, ServiceHost } from '../../src/service/service.ts';

/** Where names come from: TCP, or a simulation. */
export interface EchoWire {
  listen(port: number, onName: OnName): Promise<Listening>;
}

/** @param reply undefined: the client is told nothing */
export type OnName = (name: string, client: LocalAddress, reply: (text: string | undefined) => void) => EchoExchange;

export type EchoRequest = ReadFields & { readonly protocol: 'echo' };

declare module '../../src/plugin/types.ts' {
  interface RequestByProtocol {
    readonly echo: EchoRequest;
  }
}

// From here on it is the service.

const STOPPING = new Refusal('unavailable', 'server is stopping');

export class EchoService implements Service {
  readonly name = 'echo';
  readonly #host: ServiceHost;
  readonly #wire: EchoWire;
  readonly #portOf: (generation: Generation) => number;
  readonly #live = new EmptyingMap<number, EchoExchange>();
  readonly #drain: Drain;
  #listening: { readonly port: number; readonly on: Listening } | undefined;

  constructor(host: ServiceHost, wire: EchoWire, portOf: (generation: Generation) => number) {
    this.#host = host;
    this.#wire = wire;
    this.#portOf = portOf;
    this.#drain = new Drain(host.clock);
  }
  get addresses(): readonly LocalAddress[] {
    return this.#listening?.on.addresses ?? [];
  }
  get underWay() {
    return Array.from(this.#live.values(), ({ info }) => info);
  }
  async exchanges() {
    return Array.from(this.#live.values(), (exchange) => exchange.live());
  }
  async prepare(generation: Generation): Promise<Prepared> {
    const port = this.#portOf(generation);
    const before = this.#listening;
    if (port === before?.port) return { commit: () => [], abandon: async () => {} };
    const on = await this.#wire.listen(port, (name, client, reply) => {
      const request: EchoRequest = { protocol: 'echo', kind: 'read', client, local: on.addresses[0]!, asked: name, name };
      const exchange = new EchoExchange(this.#host, this.#host.lease(), request, reply, () => this.#live.delete(exchange.id));
      this.#live.set(exchange.id, exchange);
      return exchange;
    });
    const commit = () => {
      void before?.on.close();
      this.#listening = { port, on };
      return on.addresses;
    };
    return { commit, abandon: () => on.close() };
  }
  stop(graceMs: number): Promise<void> {
    return this.#drain.stop(graceMs, async (graceOver) => {
      await this.#listening?.on.close();
      await Promise.race([this.#live.emptied(), graceOver]);
      for (const exchange of this.#live.values()) exchange.refuse(STOPPING);
      await this.#live.emptied();
    });
  }
}

export class EchoExchange extends ContentExchange {
  readonly callMs = 6000;
  readonly #reply: (text: string | undefined) => void;
  readonly #onOver: () => void;

  constructor(host: ServiceHost, lease: Lease, request: EchoRequest, reply: Parameters<OnName>[2], onOver: () => void) {
    super(host, lease, request);
    this.#reply = reply;
    this.#onOver = onOver;
  }
  refuse({ reason, message }: Refusal): void {
    this.#over('refused', `${reason}: ${message}`, { reason, message });
  }
  /** The client has gone. */
  leave(): void {
    this.#over('aborted', undefined);
  }
  protected send(): void {
    const { feed, served, size } = this;
    feed!.run('read', async () => {
      await readSegment(feed!.content!, 0);
      this.#over('completed', `${served} ${size}`);
    });
  }
  #over(outcome: Outcome, text: string | undefined, error?: Pick<Refusal, 'reason' | 'message'>): void {
    if (this.ended) return;
    this.#reply(text);
    void Promise.resolve(this.end({ outcome, bytes: 0, durationMs: this.live().ageMs, error })).then(this.#onOver);
  }
}
