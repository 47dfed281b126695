/**
 * Limits memory-intensive work to a fixed number of callers; the others wait in order without allocating. A slow disk or a busy
 * thread thus needs no more memory than a fast one.
 */
import type { Awaitable } from '../base/awaitable.ts';

export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** Waits for a turn. */
  take(): Awaitable<void> {
    if (this.#free > 0) this.#free--;
    else return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Ends the turn. */
  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
