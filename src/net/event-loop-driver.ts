/**
 * Runs a {@link StateMachine} on this thread's event loop.
 *
 * The driver may wake late, because users' code runs on the same loop. It then delivers every datagram that arrived meanwhile
 * before it lets the machine see its deadlines.
 */
import type { Clock } from '../base/clock.ts';
import { LATE_MS, type StateMachine } from './state-machine.ts';

/** Maximum turns of the event loop after a late wake; each receives up to 32 datagrams a socket. */
const MAX_CATCH_UP_TURNS = 200;

export class EventLoopDriver {
  readonly #machine: StateMachine;
  readonly #clock: Clock;
  readonly #onStep: () => void;
  #received = 0;
  #timerAt = Number.POSITIVE_INFINITY;
  #cancelTimer = () => {};
  #stopped = false;

  /** @param onStep called after each step, once the next timer is set */
  constructor(machine: StateMachine, clock: Clock, onStep = () => {}) {
    this.#machine = machine;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** Runs a step that delivers a datagram. */
  receive(take: (now: number) => void): void {
    this.#received++;
    this.step(take);
  }

  /** Runs a step, which may bring the machine's next deadline forward. */
  step(work: (now: number) => void): void {
    const now = this.#clock.now();
    work(now);
    this.#arm(now);
    this.#onStep();
  }

  /** Stops waking the machine. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
  }

  /** Only moves the timer forward: an early wake is cheaper than setting a new timer for each datagram. */
  #arm(now: number): void {
    const { nextDeadline } = this.#machine;
    if (nextDeadline >= this.#timerAt || this.#stopped) return;
    this.#cancelTimer();
    this.#timerAt = nextDeadline;
    const due = Math.max(now, nextDeadline);
    this.#cancelTimer = this.#clock.setTimeout(() => this.#wake(due), due - now);
  }

  #wake(due: number): void {
    // Set no other timer until this one's work is done.
    this.#timerAt = Number.NEGATIVE_INFINITY;
    if (this.#clock.now() - due > LATE_MS) this.#catchUp(MAX_CATCH_UP_TURNS);
    else this.#expire();
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (!this.#stopped) this.step((now) => this.#machine.expire(now));
  }

  /** Turns the event loop until one turn receives no datagram. */
  #catchUp(turns: number): void {
    const before = this.#received;
    this.#cancelTimer = this.#clock.setTimeout(() => {
      if (turns > 0 && this.#received > before) this.#catchUp(turns - 1);
      else this.#expire();
    }, 0);
  }
}
