/**
 * A network in memory with a clock of its own: datagrams are lost, doubled, delayed and overtaken as a seed wills, and time
 * passes only between events. Whatever has sockets is a {@link Host} on it: an Engine, a client, a script.
 */
import type { Clock } from '../../src/base/clock.ts';
import { type PeerKey, peerKey, peerOf } from '../../src/base/peer.ts';
import type { Slices } from '../../src/base/segment.ts';
import type { Outbox, ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import { Opcode, writeHeader } from '../../src/tftp/protocol/packet.ts';
import { type Random, seeded } from './random.ts';

/** What a link does to datagrams. Probabilities 0–1, times in milliseconds. */
export interface Link {
  readonly loss: number;
  readonly duplication: number;
  /** How often a datagram is held up by up to `reorderMs` more, so that others overtake it. */
  readonly reordering: number;
  readonly reorderMs: number;
  readonly delayMs: number;
}

export const PERFECT: Link = { loss: 0, duplication: 0, reordering: 0, reorderMs: 0, delayMs: 1 };

/** Something with sockets. It never waits and has no clock: the network tells it the time and asks for its next deadline. */
export interface Host {
  receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void;
  readonly nextDeadline: number;
  expire(now: number): void;
  /** What is still there and should not be, in words. */
  leftovers(): string[];
}

/** What made a host send: a datagram that came, its deadline, or something of its own (a file's bytes, a script). */
export type Cause = 'datagram' | 'deadline' | 'other';

/** A datagram on the wire. */
export interface Sending {
  readonly at: number;
  readonly from: PeerKey;
  readonly to: PeerKey;
  readonly datagram: Uint8Array;
  readonly cause: Cause;
  /** What had come, if that is the cause. */
  readonly answers: Uint8Array | undefined;
  /** How many copies will arrive. */
  readonly copies: number;
}

/** An endpoint of a {@link Host}; its replies may be filled in later. */
export interface BoundEndpoint extends ServerEndpoint {
  accepts: boolean;
  replies: readonly ServerEndpoint[];
  readonly key: PeerKey;
}

export interface NetworkOptions {
  readonly seed: number;
  /** For every pair of addresses; tell one direction from the other by its arguments. */
  readonly link?: Link | ((from: PeerKey, to: PeerKey) => Link);
  /** More events than this are endless traffic. */
  readonly maxEvents?: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  /** Datagrams that have come are taken before deadlines are looked at, as a transport does. */
  readonly late: boolean;
  /** Taken back: nothing happens then, and no time passes for its sake. */
  cancelled: boolean;
  run(): void;
}

export class Network {
  now = 0;
  readonly random: Random;
  /** Sends from any endpoint that was bound here. */
  readonly outbox: Outbox;
  /** Time and timers for what wants a Clock; `wallTime` runs along. */
  readonly clock: Clock;
  /** Datagrams sent, doubles not counted. */
  sent = 0;
  events = 0;
  readonly #link: (from: PeerKey, to: PeerKey) => Link;
  readonly #maxEvents: number;
  readonly #queue: Event[] = [];
  readonly #bound = new Map<PeerKey, { readonly endpoint: BoundEndpoint; readonly host: Host }>();
  readonly #hosts = new Map<Host, { wakeAt: number }>();
  readonly #onSend: ((sending: Sending) => void)[] = [];
  readonly #onArrival: ((sending: Sending) => void)[] = [];
  #order = 0;
  #cause: Cause = 'other';
  #answers: Uint8Array | undefined;
  #hash = 0x811c9dc5;

  constructor({ seed, link = PERFECT, maxEvents = 5_000_000 }: NetworkOptions) {
    this.random = seeded(seed);
    this.#link = typeof link === 'function' ? link : () => link;
    this.#maxEvents = maxEvents;
    this.outbox = {
      send: (from, to, datagram) => this.#send(from as ServerEndpoint, to, datagram.slice()),
      data: (from, to, block, slices) => this.#send(from as ServerEndpoint, to, compose(block, slices)),
    };
    this.clock = {
      now: () => this.now,
      wallTime: () => 1_700_000_000_000 + this.now,
      setTimeout: (run, ms) => this.after(ms, run),
    };
  }

  /** A number that two runs share only if every datagram was the same, at the same time, with the same fate. */
  get traceHash(): number {
    return this.#hash >>> 0;
  }

  /** Gives a host an address and port; it takes no requests until `accepts` is set. */
  bind(host: Host, address: string, port: number): BoundEndpoint {
    const key = peerKey(address, port);
    if (this.#bound.has(key)) throw new Error(`${address}:${port} is taken`);
    const endpoint: BoundEndpoint = { address, port, key, accepts: false, replies: [] };
    this.#bound.set(key, { endpoint, host });
    if (!this.#hosts.has(host)) this.#hosts.set(host, { wakeAt: Number.POSITIVE_INFINITY });
    return endpoint;
  }

  unbind(endpoint: BoundEndpoint): void {
    this.#bound.delete(endpoint.key);
  }

  onSend(observer: (sending: Sending) => void): void {
    this.#onSend.push(observer);
  }

  /** Before the host that it is for sees it. */
  onArrival(observer: (sending: Sending) => void): void {
    this.#onArrival.push(observer);
  }

  /** Runs something later, then looks at every host's deadlines; unless the returned function is called before. */
  after(ms: number, run: () => void): () => void {
    const event = this.#push(this.now + ms, false, () => this.#act('other', run));
    return () => {
      event.cancelled = true;
    };
  }

  /** Lets a host do something now. */
  poke(run: () => void): void {
    this.#act('other', run);
  }

  /** Lets time pass until nothing happens any more, or until `maxMs` is over. */
  run(maxMs = Number.POSITIVE_INFINITY): void {
    this.#armAll();
    const end = this.now + maxMs;
    while (this.#step(end));
  }

  /** The same for hosts that do part of their work in promises: lets the event loop turn whenever time would pass. */
  async runAsync(maxMs = Number.POSITIVE_INFINITY, turn = () => new Promise<void>((go) => setImmediate(go))): Promise<void> {
    const end = this.now + maxMs;
    do {
      await turn();
      this.#armAll();
    } while (this.#step(end));
  }

  /** Everything that was begun has ended, and nothing of it is held any more. */
  leftovers(): string[] {
    return [...this.#hosts.keys()].flatMap((host) => {
      const left = host.leftovers();
      return host.nextDeadline === Number.POSITIVE_INFINITY ? left : [...left, `a deadline at ${host.nextDeadline}`];
    });
  }

  #step(end: number): boolean {
    while (this.#queue[0]?.cancelled) this.#pop();
    const next = this.#queue[0];
    if (next === undefined || next.at > end) return false;
    if (++this.events > this.#maxEvents) throw new Error(`more than ${this.#maxEvents} events: endless traffic`);
    this.#pop();
    this.now = next.at;
    next.run();
    return true;
  }

  #act(cause: Cause, run: () => void): void {
    this.#cause = cause;
    run();
    this.#cause = 'other';
    this.#armAll();
  }

  #armAll(): void {
    for (const host of this.#hosts.keys()) this.#arm(host);
  }

  #arm(host: Host): void {
    const armed = this.#hosts.get(host)!;
    const due = host.nextDeadline;
    if (due >= armed.wakeAt) return;
    armed.wakeAt = due;
    this.#push(Math.max(due, this.now), true, () => {
      if (armed.wakeAt !== due) return;
      armed.wakeAt = Number.POSITIVE_INFINITY;
      this.#cause = 'deadline';
      if (host.nextDeadline <= this.now) host.expire(this.now);
      this.#cause = 'other';
      this.#arm(host);
    });
  }

  #send(from: ServerEndpoint, to: PeerKey, datagram: Uint8Array): void {
    const { loss, duplication, reordering, reorderMs, delayMs } = this.#link(peerKey(from.address, from.port), to);
    const copies = this.random.chance(loss) ? 0 : this.random.chance(duplication) ? 2 : 1;
    const sending: Sending = {
      at: this.now,
      from: (from as BoundEndpoint).key,
      to,
      datagram,
      cause: this.#cause,
      answers: this.#answers,
      copies,
    };
    this.sent++;
    this.#trace(sending);
    for (const observer of this.#onSend) observer(sending);
    for (let copy = 0; copy < copies; copy++) {
      const extra = this.random.chance(reordering) ? this.random() * reorderMs : 0;
      this.#push(this.now + delayMs + extra, false, () => this.#deliver(sending));
    }
  }

  #deliver(sending: Sending): void {
    const bound = this.#bound.get(sending.to);
    if (!bound) return;
    for (const observer of this.#onArrival) observer(sending);
    this.#cause = 'datagram';
    this.#answers = sending.datagram;
    bound.host.receive(bound.endpoint, sending.from, sending.datagram, this.now);
    this.#cause = 'other';
    this.#answers = undefined;
    this.#arm(bound.host);
  }

  /** FNV-1a over what tells two traces apart. */
  #trace({ at, from, to, datagram, copies }: Sending): void {
    const mix = (value: number) => {
      this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
    };
    mix(Math.round(at * 1000));
    for (const { address, port } of [peerOf(from), peerOf(to)]) {
      mix(port);
      mix(address.charCodeAt(address.length - 1));
    }
    mix(copies);
    mix(datagram.length);
    for (let i = 0; i < Math.min(datagram.length, 8); i++) mix(datagram[i]!);
  }

  #push(at: number, late: boolean, run: () => void): Event {
    const queue = this.#queue;
    const event: Event = { at, late, order: this.#order++, cancelled: false, run };
    let index = queue.length;
    queue.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, queue[parent]!)) break;
      queue[index] = queue[parent]!;
      index = parent;
    }
    queue[index] = event;
    return event;
  }

  #pop(): void {
    const queue = this.#queue;
    const last = queue.pop()!;
    if (queue.length === 0) return;
    let index = 0;
    for (let child = 1; child < queue.length; child = 2 * index + 1) {
      if (child + 1 < queue.length && before(queue[child + 1]!, queue[child]!)) child++;
      if (!before(queue[child]!, last)) break;
      queue[index] = queue[child]!;
      index = child;
    }
    queue[index] = last;
  }
}

function before(a: Event, b: Event): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.late === b.late ? a.order < b.order : b.late;
}

function compose(block: number, { first, start, end, second, secondEnd }: Slices): Uint8Array {
  const datagram = new Uint8Array(4 + end - start + secondEnd);
  writeHeader(datagram, Opcode.data, block);
  datagram.set(first.subarray(start, end), 4);
  if (second) datagram.set(second.subarray(0, secondEnd), 4 + end - start);
  return datagram;
}
