/**
 * Runs a {@link StateMachine} on this thread's event loop.
 *
 * The driver may wake up late, since users' code runs on the same loop. Then it first takes every datagram that has come meanwhile, and only
 * then lets the machine see its deadlines.
 */
import type { Clock } from '../base/clock.ts';
import { LATE_MS, type StateMachine } from './state-machine.ts';

/** Turns of the event loop after a late wake, at most: each takes up to 32 datagrams a socket. */
const MAX_CATCH_UP_TURNS = 200;

export class EventLoopDriver {
  readonly #machine: StateMachine;
  readonly #clock: Clock;
  readonly #onStep: () => void;
  #received = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};
  #stopped = false;

  /** @param onStep called after each step, when the next timer is set */
  constructor(machine: StateMachine, clock: Clock, onStep = () => {}) {
    this.#machine = machine;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** A step that takes a datagram. */
  receive(take: (now: number) => void): void {
    this.#received++;
    this.step(take);
  }

  /** Does something to the machine, which may bring its next deadline forward. */
  step(work: (now: number) => void): void {
    const now = this.#clock.now();
    work(now);
    this.#arm(now);
    this.#onStep();
  }

  /** Wakes the machine no more. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  /** A timer that comes too early costs less than one that is set anew with each datagram: it is only ever brought forward. */
  #arm(now: number): void {
    const { nextDeadline } = this.#machine;
    if (nextDeadline >= this.#timerAt || this.#stopped) return;
    this.#cancelTimer();
    this.#timerAt = nextDeadline;
    const due = Math.max(now, nextDeadline);
    this.#cancelTimer = this.#clock.setTimeout(() => this.#wake(due), due - now);
  }

  #wake(due: number): void {
    // No other timer until this one has done its work.
    this.#timerAt = Number.NEGATIVE_INFINITY;
    if (this.#clock.now() - due > LATE_MS) this.#catchUp(MAX_CATCH_UP_TURNS);
    else this.#expire();
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (!this.#stopped) this.step((now) => this.#machine.expire(now));
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
