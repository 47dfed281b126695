/**
 * Turns for work that takes memory: a fixed number of callers have one at a time, and the others wait in order, without the memory. A disk that is slow, or
 * a thread that is busy, then costs no more memory than a fast one.
 */
import type { Awaitable } from '../base/awaitable.ts';

export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /** A turn now, or as soon as there is one. */
  take(): Awaitable<void> {
    if (this.#free > 0) this.#free--;
    else return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The turn is over. */
  giveBack(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free++;
    else next();
  }
}
