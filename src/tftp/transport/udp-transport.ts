/**
 * What both transports have in common: listen settings and the bindings they stand for, and the exchanges by the Engine's numbers.
 * Where datagrams are really moved, and on which thread, is the {@link DataPlane}'s business.
 */
import { networkInterfaces } from 'node:os';
import { isLater } from '../../base/awaitable.ts';
import type { Clock } from '../../base/clock.ts';
import { EmptyingMap } from '../../base/emptying-map.ts';
import { peerOf } from '../../base/peer.ts';
import type { Interfaces } from '../../net/addresses.ts';
import { Listener } from '../../net/listener.ts';
import type { Listening, ListenOn } from '../../net/listening.ts';
import type { Ending, Progress } from '../protocol/ending.ts';
import type { EngineLimits, IncomingRequest } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { Binding, ListenSettings, Sockets } from './binding.ts';
import { Bindings } from './bindings.ts';
import type { DataPlane, PlaneControl } from './data-plane.ts';
import type { SocketEndpoint } from './socket-endpoint.ts';
import type { Transport, TransportEvents } from './transport.ts';
import type { TransportExchange } from './transport-exchange.ts';

/** How often the machine's addresses are looked at. */
const FOLLOW_MS = 2_000;

export interface UdpTransportOptions<Exchange extends TransportExchange> {
  readonly events: TransportEvents<Exchange>;
  readonly clock: Clock;
  /** The machine's interfaces, unless they are simulated. */
  readonly interfaces?: (() => Interfaces) | undefined;
  readonly plane: (control: PlaneControl) => { readonly plane: DataPlane; readonly sockets: Sockets };
}

export class UdpTransport<Exchange extends TransportExchange> implements Transport<Exchange> {
  readonly #events: TransportEvents<Exchange>;
  readonly #clock: Clock;
  readonly #interfaces: () => Interfaces;
  readonly #plane: DataPlane;
  readonly #bindings: Bindings;
  readonly #listeners = new Set<Listener<Binding>>();
  /** By the Engine's number. */
  readonly #exchanges = new EmptyingMap<number, Exchange>();
  #closed = false;
  #following = false;
  #cancelFollow = () => {};

  constructor({ events, clock, interfaces = networkInterfaces, plane }: UdpTransportOptions<Exchange>) {
    this.#events = events;
    this.#clock = clock;
    this.#interfaces = interfaces;
    const made = plane(this.#control());
    this.#plane = made.plane;
    this.#bindings = new Bindings(made.sockets);
  }

  async listen(on: ListenOn, settings: ListenSettings): Promise<Listening> {
    const listener = new Listener(on, this.#bindings.with(settings), this.#events.notice);
    await listener.open(this.#interfaces());
    this.#listeners.add(listener);
    if (!this.#following) this.#followLater();
    return listener;
  }

  get exchanges(): Iterable<Exchange> {
    return this.#exchanges.values();
  }

  idle(): Promise<void> {
    return this.#exchanges.emptied();
  }

  progress(): Promise<readonly Progress[]> {
    return this.#plane.progress();
  }

  setLimits(limits: EngineLimits): void {
    this.#plane.setLimits(limits);
  }

  async close(error: WireError): Promise<void> {
    this.#closed = true;
    this.#cancelFollow();
    for (const listener of this.#listeners) void listener.close();
    await this.#plane.refuseAll(error);
    await this.idle();
    this.#bindings.destroy();
    this.#listeners.clear();
    await this.#plane.close();
  }

  /** Nothing of the control plane happens within a call of the Engine. */
  #control(): PlaneControl {
    return {
      exchanges: this.#exchanges,
      request: (request) => this.#request(request),
      need: (transfer, index) => this.#exchanges.get(transfer)?.need(index),
      store: (transfer, bytes, last) => this.#exchanges.get(transfer)?.store(bytes, last),
      end: (transfer, ending) => queueMicrotask(() => this.#end(transfer, ending)),
      lost: (error) => this.#lost(error),
    };
  }

  #request({ id: transfer, peer, listener, packet }: IncomingRequest): void {
    const replying = (listener.replies[0] ?? listener) as SocketEndpoint;
    const binding = replying.owner as Binding;
    binding.begin();
    // A broadcast is answered from the interface's own address.
    const local = { address: replying.address, port: listener.port };
    const exchange = this.#events.request({ transfer, client: peerOf(peer), local, packet, binding }, this.#plane);
    this.#exchanges.set(transfer, exchange);
    queueMicrotask(() => exchange.begin());
  }

  #end(transfer: number, ending: Ending): void {
    const exchange = this.#exchanges.get(transfer);
    if (!exchange) return;
    const over = exchange.over(ending);
    if (isLater(over)) void over.then(() => this.#finished(exchange));
    else this.#finished(exchange);
  }

  #finished({ transfer, binding }: Exchange): void {
    this.#exchanges.delete(transfer);
    binding.end();
    this.#plane.finished(transfer);
  }

  #lost(error: WireError): void {
    const now = this.#clock.now();
    for (const { transfer, ended, begunMs } of [...this.#exchanges.values()])
      if (!ended) this.#end(transfer, failedEnding(now - begunMs, error));
  }

  #followLater(): void {
    if (this.#closed) return;
    this.#following = true;
    this.#cancelFollow = this.#clock.setTimeout(() => void this.#follow().finally(() => this.#followLater()), FOLLOW_MS);
  }

  async #follow(): Promise<void> {
    const interfaces = this.#interfaces();
    for (const listener of this.#listeners) {
      if (listener.closed) {
        this.#listeners.delete(listener);
        continue;
      }
      const change = await listener.follow(interfaces);
      if (change) this.#events.moved(listener, change);
    }
  }
}

function failedEnding(durationMs: number, error: WireError): Ending {
  return {
    outcome: 'failed',
    bytes: 0,
    durationMs,
    agreement: undefined,
    rttMs: undefined,
    retransmissions: 0,
    lastAckMissing: false,
    error,
  };
}
