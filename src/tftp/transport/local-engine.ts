/**
 * The Engine on this thread's event loop.
 *
 * It may be late, since users' code runs on the same loop. So when it wakes late it first takes every datagram that has come
 * meanwhile, and only then lets the Engine look at its deadlines: a stall of the process is never taken for loss.
 */
import type { Clock } from '../../base/clock.ts';
import type { PeerKey } from '../../base/peer.ts';
import { type ControlPlane, type Counters, Engine, type EngineLimits } from '../protocol/engine.ts';
import type { Outbox } from '../protocol/outbox.ts';
import type { ReadAnswer } from '../protocol/read-transfer.ts';
import type { Progress } from '../protocol/transfer.ts';
import type { WriteAnswer } from '../protocol/write-transfer.ts';
import type { DataPlane, WireError } from './data-plane.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

/** Waking later than this, datagrams come first. */
const LATE_MS = 5;
/** Turns of the event loop after a late wake at the most: each takes up to 32 datagrams a socket. */
const MAX_CATCH_UP_TURNS = 200;

/** An endpoint of this thread: it sends by itself. */
export type SendingEndpoint = Pick<UdpEndpoint, 'send' | 'data'>;

export class LocalEngine implements DataPlane {
  readonly #clock: Clock;
  readonly #engine: Engine;
  #closed = false;
  #received = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};

  constructor(control: ControlPlane, counters: Counters, limits: EngineLimits, clock: Clock, random: () => number) {
    this.#clock = clock;
    const outbox: Outbox = {
      send: (from, to, datagram) => (from as unknown as SendingEndpoint).send(to, datagram),
      data: (from, to, block, slices) => (from as unknown as SendingEndpoint).data(to, block, slices),
    };
    this.#engine = new Engine(outbox, control, counters, limits, random);
  }

  receive(endpoint: Parameters<Engine['receive']>[0], peer: PeerKey, datagram: Uint8Array): void {
    this.#received++;
    this.#drive((now) => this.#engine.receive(endpoint, peer, datagram, now));
  }

  answer(id: number, answer: ReadAnswer | WriteAnswer): void {
    this.#drive((now) => this.#engine.answer(id, answer, now));
  }

  refuse(id: number, error: WireError): void {
    this.#drive((now) => this.#engine.refuse(id, error, now));
  }

  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void {
    this.#drive((now) => this.#engine.supply(id, index, bytes, last, now));
  }

  written(id: number, bytes: number, stored: boolean): void {
    this.#drive((now) => this.#engine.written(id, bytes, stored, now));
  }

  settled(id: number): void {
    this.#engine.settled(id);
  }

  setLimits(limits: EngineLimits): void {
    this.#engine.limits = limits;
  }

  async progress(): Promise<readonly Progress[]> {
    return this.#engine.progress();
  }

  async refuseAll(error: WireError): Promise<void> {
    this.#engine.refuseAll(error, this.#clock.now());
  }

  /** Content is read on this thread, too: nothing is gained by another way. */
  reads(): boolean {
    return false;
  }

  adopt(): void {
    throw new TypeError('this plane reads no content');
  }

  release(): void {}

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
  }

  /** Whatever touches the Engine may bring its next deadline forward. */
  #drive(work: (now: number) => void): void {
    const now = this.#clock.now();
    work(now);
    this.#arm(now);
  }

  #arm(now: number): void {
    const due = this.#engine.nextDeadline;
    if (due >= this.#timerAt || this.#closed) return;
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
    this.#cancelTimer = this.#clock.setTimeout(() => {
      if (turns > 0 && this.#received > before) this.#catchUp(turns - 1);
      else this.#expire();
    }, 0);
  }
}
