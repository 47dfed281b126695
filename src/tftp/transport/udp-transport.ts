/**
 * What both transports have in common: listen settings and the bindings they stand for, and the contents and sinks of transfers.
 * Where datagrams are really moved, and on which thread, is the {@link DataPlane}'s business.
 */

import { networkInterfaces } from 'node:os';
import { type Awaitable, isLater } from '../../base/awaitable.ts';
import type { Clock } from '../../base/clock.ts';
import { peerOf } from '../../base/peer.ts';
import type { Content } from '../../content/content.ts';
import { FileContent } from '../../content/file.ts';
import { HeldFile } from '../../content/held-file.ts';
import type { Interfaces } from '../../net/addresses.ts';
import { Listener } from '../../net/listener.ts';
import type { Listening, ListenOn } from '../../net/listening.ts';
import type { ControlPlane, EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { Progress } from '../protocol/transfer.ts';
import type { Binding, Sockets } from './binding.ts';
import { Bindings } from './bindings.ts';
import type { DataPlane } from './data-plane.ts';
import { Feed } from './feed.ts';
import type { SocketEndpoint } from './socket-endpoint.ts';
import type { ListenSettings, TransferAnswer, Transport, TransportEvents } from './transport.ts';

/** How often the machine's addresses are looked at. */
const FOLLOW_MS = 2_000;

export interface UdpTransportOptions {
  readonly events: TransportEvents;
  readonly clock: Clock;
  /** The machine's interfaces, unless they are simulated. */
  readonly interfaces?: (() => Interfaces) | undefined;
  readonly plane: (control: ControlPlane) => { readonly plane: DataPlane; readonly sockets: Sockets };
}

export class UdpTransport implements Transport {
  readonly #events: TransportEvents;
  readonly #clock: Clock;
  readonly #interfaces: () => Interfaces;
  readonly #plane: DataPlane;
  readonly #feed: Feed;
  readonly #bindings: Bindings;
  readonly #listeners = new Set<Listener<Binding>>();
  /** Whose sockets each transfer uses, until its end was told. */
  readonly #owners = new Map<number, Binding>();
  /** Requests that have had no answer yet, even if they have ended. */
  readonly #unanswered = new Set<number>();
  /** Transfers that have ended, and whose content is still being closed. */
  readonly #endings = new Set<Promise<void>>();
  #closed = false;
  #following = false;
  #cancelFollow = () => {};

  constructor({ events, clock, interfaces = networkInterfaces, plane }: UdpTransportOptions) {
    this.#events = events;
    this.#clock = clock;
    this.#interfaces = interfaces;
    const made = plane(this.#controlPlane());
    this.#plane = made.plane;
    this.#bindings = new Bindings(made.sockets);
    this.#feed = new Feed(
      {
        supply: (id, index, bytes, last) => this.#plane.supply(id, index, bytes, last),
        written: (id, bytes, stored) => this.#plane.written(id, bytes, stored),
        refuse: (id, error) => this.refuse(id, error),
        fault: (error, context) => events.fault(error, context),
      },
      clock,
    );
  }

  async listen(on: ListenOn, settings: ListenSettings): Promise<Listening> {
    const listener = new Listener(on, this.#bindings.with(settings), this.#events.notice);
    await listener.open(this.#interfaces());
    this.#listeners.add(listener);
    if (!this.#following) this.#followLater();
    return listener;
  }

  reads(content: Content): boolean {
    return this.#plane.reads(content);
  }

  answer(id: number, answer: TransferAnswer): void {
    const { limits } = answer;
    if (answer.kind === 'write') {
      this.#feed.open(id, { kind: 'write', sink: answer.sink }, limits.idleMs);
      this.#plane.answer(id, { kind: 'write', limits });
    } else {
      const { content, first } = answer;
      this.#feed.open(id, { kind: 'read', content }, limits.idleMs);
      if (first === undefined) this.#plane.adopt(id, content, limits);
      else {
        const held = content instanceof HeldFile;
        const again = held || content instanceof FileContent;
        this.#plane.answer(id, { kind: 'read', size: content.size, first, again, limits });
        if (held) content.forget();
      }
    }
    this.#answered(id);
  }

  refuse(id: number, error: WireError): void {
    this.#plane.refuse(id, error);
    this.#answered(id);
  }

  setLimits(limits: EngineLimits): void {
    this.#plane.setLimits(limits);
  }

  progress(): Promise<readonly Progress[]> {
    return this.#plane.progress();
  }

  async close(error: WireError): Promise<void> {
    this.#closed = true;
    this.#cancelFollow();
    for (const listener of this.#listeners) void listener.close();
    await this.#plane.refuseAll(error);
    await Promise.all(this.#endings);
    this.#bindings.destroy();
    this.#listeners.clear();
    await this.#plane.close();
  }

  #controlPlane(): ControlPlane {
    return {
      request: ({ id, peer, listener, packet }) => {
        const owner = ((listener.replies[0] ?? listener) as SocketEndpoint).owner as Binding;
        owner.begin();
        this.#owners.set(id, owner);
        this.#unanswered.add(id);
        const request = { id, client: peerOf(peer), local: { address: listener.address, port: listener.port }, packet };
        queueMicrotask(() => this.#events.request(request));
      },
      need: (id, index) => this.#feed.need(id, index),
      store: (id, bytes, last) => this.#feed.store(id, bytes, last),
      end: (id, ending) => {
        const owner = this.#owners.get(id);
        this.#owners.delete(id);
        const told = (): void => {
          owner?.end();
          if (!this.#unanswered.has(id)) this.#plane.settled(id);
          this.#events.end(id, ending);
        };
        const given = this.#giveBack(id);
        // Never within a call of the Engine.
        if (!isLater(given)) return queueMicrotask(told);
        const ended = given.then(() => {
          this.#endings.delete(ended);
          told();
        });
        this.#endings.add(ended);
      },
    };
  }

  #answered(id: number): void {
    const first = this.#unanswered.delete(id);
    // The client has gone while the answer was being made.
    if (first && !this.#owners.has(id)) void this.#settle(id);
  }

  async #settle(id: number): Promise<void> {
    await this.#giveBack(id);
    this.#plane.settled(id);
  }

  #giveBack(id: number): Awaitable<void> {
    const released = this.#plane.release(id);
    return isLater(released) ? released.then(() => this.#feed.end(id)) : this.#feed.end(id);
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
