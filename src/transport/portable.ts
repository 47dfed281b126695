/**
 * The transport that runs wherever Node does: node:dgram sockets and the Engine on the event loop.
 *
 * It may be late, since users' code runs on the same loop. So when it wakes late it first takes every datagram that has come
 * meanwhile, and only then lets the Engine look at its deadlines: a stall of the process is never taken for loss.
 */
import { networkInterfaces } from 'node:os';
import type { Clock } from '../content/clock.ts';
import { type ControlPlane, Engine, type EngineLimits } from '../protocol/engine.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { peerOf } from '../protocol/peer.ts';
import type { Progress } from '../protocol/transfer.ts';
import type { Interfaces } from './addresses.ts';
import type { Binding } from './binding.ts';
import { Bindings } from './bindings.ts';
import { Feed } from './feed.ts';
import { Listener } from './listener.ts';
import { type Bind, type SocketEndpoint, UdpEndpoint } from './socket.ts';
import type { Listening, ListenOn, ListenSettings, TransferAnswer, Transport, TransportEvents } from './transport.ts';

/** How often the machine's addresses are looked at. */
const FOLLOW_MS = 2_000;
/** Waking later than this, datagrams come first. */
const LATE_MS = 5;
/** Turns of the event loop after a late wake at the most: each takes up to 32 datagrams a socket. */
const MAX_CATCH_UP_TURNS = 200;

export interface PortableOptions {
  readonly events: TransportEvents;
  readonly limits: EngineLimits;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The machine's interfaces and sockets, unless they are simulated. */
  readonly interfaces?: () => Interfaces;
  readonly bind?: Bind;
}

export class PortableTransport implements Transport {
  readonly #events: TransportEvents;
  readonly #clock: Clock;
  readonly #interfaces: () => Interfaces;
  readonly #engine: Engine;
  readonly #feed: Feed;
  readonly #bindings: Bindings;
  readonly #listeners = new Set<Listener>();
  /** Whose sockets each transfer uses. */
  readonly #owners = new Map<number, Binding>();
  /** Transfers that have ended, and whose content is still being closed. */
  readonly #endings = new Set<Promise<void>>();
  #closed = false;
  #following = false;
  #received = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};
  #cancelFollow = () => {};

  constructor({ events, limits, clock, random, interfaces = networkInterfaces, bind = UdpEndpoint.bind }: PortableOptions) {
    this.#events = events;
    this.#clock = clock;
    this.#interfaces = interfaces;
    this.#bindings = new Bindings({
      bind,
      receive: (endpoint, peer, datagram) => {
        this.#received++;
        this.#drive((now) => this.#engine.receive(endpoint, peer, datagram, now));
      },
    });
    const outbox: Outbox = {
      send: (from, to, datagram) => (from as SocketEndpoint).send(to, datagram),
      data: (from, to, block, slices) => (from as SocketEndpoint).data(to, block, slices),
    };
    this.#engine = new Engine(outbox, this.#controlPlane(), limits, random);
    this.#feed = new Feed(
      {
        supply: (id, index, bytes, last) => this.#drive((now) => this.#engine.supply(id, index, bytes, last, now)),
        written: (id, bytes, stored) => this.#drive((now) => this.#engine.written(id, bytes, stored, now)),
        refuse: (id, error) => this.refuse(id, error),
        fault: (error, context) => events.fault(error, context),
      },
      clock,
    );
  }

  async listen(on: ListenOn, settings: ListenSettings): Promise<Listening> {
    const listener = new Listener(on, settings, this.#bindings);
    await listener.open(this.#interfaces());
    this.#listeners.add(listener);
    if (!this.#following) this.#followLater();
    return listener;
  }

  answer(id: number, answer: TransferAnswer): void {
    const { limits } = answer;
    const source =
      answer.kind === 'read'
        ? ({ kind: 'read', content: answer.content } as const)
        : ({ kind: 'write', sink: answer.sink } as const);
    this.#feed.open(id, source, limits.idleMs);
    this.#drive((now) => {
      const given =
        answer.kind === 'read'
          ? { kind: 'read' as const, size: answer.content.size, first: answer.first, limits }
          : { kind: 'write' as const, limits };
      // The client has gone while the answer was being made.
      if (!this.#engine.answer(id, given, now)) void this.#feed.end(id);
    });
  }

  refuse(id: number, error: { readonly code: number; readonly message: string }): void {
    this.#drive((now) => this.#engine.refuse(id, error, now));
  }

  setLimits(limits: EngineLimits): void {
    this.#engine.limits = limits;
  }

  async progress(): Promise<readonly Progress[]> {
    return this.#engine.progress();
  }

  async close(error: { readonly code: number; readonly message: string }): Promise<void> {
    this.#closed = true;
    this.#cancelFollow();
    for (const listener of this.#listeners) listener.close();
    this.#engine.refuseAll(error, this.#clock.now());
    this.#cancelTimer();
    await Promise.all(this.#endings);
    this.#bindings.destroy();
    this.#listeners.clear();
  }

  #controlPlane(): ControlPlane {
    return {
      request: ({ id, peer, listener, packet }) => {
        const owner = ((listener.replies[0] ?? listener) as SocketEndpoint).owner as Binding;
        owner.begin();
        this.#owners.set(id, owner);
        const request = { id, client: peerOf(peer), local: { address: listener.address, port: listener.port }, packet };
        queueMicrotask(() => this.#events.request(request));
      },
      need: (id, index) => this.#feed.need(id, index),
      store: (id, bytes, last) => this.#feed.store(id, bytes, last),
      end: (id, ending) => {
        const ended = this.#feed.end(id).then(() => {
          this.#owners.get(id)?.end();
          this.#owners.delete(id);
          this.#endings.delete(ended);
          this.#events.end(id, ending);
        });
        this.#endings.add(ended);
      },
      dropped: (reason, peer) => this.#events.dropped(reason, peerOf(peer)),
    };
  }

  /** Whatever touches the Engine may bring its next deadline forward. */
  #drive(work: (now: number) => void): void {
    const now = this.#clock.now();
    work(now);
    this.#arm(now);
  }

  #arm(now: number): void {
    const due = this.#engine.nextDeadline;
    if (this.#closed || due >= this.#timerAt) return;
    this.#cancelTimer();
    this.#timerAt = due;
    this.#cancelTimer = this.#clock.setTimeout(() => this.#wake(due), Math.max(0, due - now));
  }

  #wake(due: number): void {
    // No other timer until this one has done its work.
    this.#timerAt = Number.NEGATIVE_INFINITY;
    if (this.#clock.now() - due > LATE_MS) this.#catchUp(MAX_CATCH_UP_TURNS);
    else this.#expire();
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (!this.#closed) this.#drive((now) => this.#engine.expire(now));
  }

  /** One turn of the event loop after the other until one brings no datagram. */
  #catchUp(turns: number): void {
    const before = this.#received;
    this.#clock.setTimeout(() => {
      if (turns > 0 && this.#received > before) this.#catchUp(turns - 1);
      else this.#expire();
    }, 0);
  }

  #followLater(): void {
    if (this.#closed) return;
    this.#following = true;
    this.#cancelFollow = this.#clock.setTimeout(() => void this.#follow().finally(() => this.#followLater()), FOLLOW_MS);
  }

  async #follow(): Promise<void> {
    const interfaces = this.#interfaces();
    for (const listener of this.#listeners) {
      if (listener.closed) this.#listeners.delete(listener);
      else if (await listener.follow(interfaces)) this.#events.moved(listener);
    }
  }
}
