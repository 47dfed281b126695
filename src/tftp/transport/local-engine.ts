/**
 * The Engine on this thread's event loop.
 */

import type { Clock } from '../../base/clock.ts';
import type { PeerKey } from '../../base/peer.ts';
import { EventLoopDriver } from '../../net/event-loop-driver.ts';
import type { Counters } from '../protocol/counters.ts';
import type { Progress } from '../protocol/ending.ts';
import { type ControlPlane, Engine, type EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { type DataPlane, engineAnswer } from './data-plane.ts';
import type { Answer } from './transport-exchange.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

/** An endpoint of this thread: it sends by itself. */
export type SendingEndpoint = Pick<UdpEndpoint, 'send' | 'data'>;

export class LocalEngine implements DataPlane {
  /** Content is read on this thread, too: nothing is gained by another way. */
  readonly borrows = false;
  readonly #clock: Clock;
  readonly #engine: Engine;
  readonly #driver: EventLoopDriver;

  constructor(control: ControlPlane, counters: Counters, limits: EngineLimits, clock: Clock, random: () => number) {
    this.#clock = clock;
    const outbox: Outbox = {
      send: (from, to, datagram) => (from as unknown as SendingEndpoint).send(to, datagram),
      data: (from, to, block, slices) => (from as unknown as SendingEndpoint).data(to, block, slices),
    };
    this.#engine = new Engine(outbox, control, counters, limits, random);
    this.#driver = new EventLoopDriver(this.#engine, clock);
  }

  receive(endpoint: Parameters<Engine['receive']>[0], peer: PeerKey, datagram: Uint8Array): void {
    this.#driver.receive((now) => this.#engine.receive(endpoint, peer, datagram, now));
  }

  answer(answer: Answer): void {
    this.#driver.step((now) => this.#engine.answer(answer.transfer, engineAnswer(answer), now));
  }

  refuse(id: number, error: WireError): void {
    this.#driver.step((now) => this.#engine.refuse(id, error, now));
  }

  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void {
    this.#driver.step((now) => this.#engine.supply(id, index, bytes, last, now));
  }

  written(id: number, bytes: number, stored: boolean): void {
    this.#driver.step((now) => this.#engine.written(id, bytes, stored, now));
  }

  finished(transfer: number): void {
    this.#engine.finished(transfer);
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

  release(): void {}

  async close(): Promise<void> {
    this.#driver.stop();
  }
}
