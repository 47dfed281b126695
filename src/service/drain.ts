/**
 * Stops a service exactly once, however often stop is requested, with the shortest grace period requested.
 */
import type { Clock } from '../base/clock.ts';

export class Drain {
  readonly #clock: Clock;
  readonly #over = Promise.withResolvers<void>();
  #stopped: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether `stop` was called. */
  get begun(): boolean {
    return this.#stopped !== undefined;
  }

  /**
   * @param close called once, at the first request, with the end of the grace period
   * @returns the result of `close`, for every request
   */
  stop(graceMs: number, close: (graceOver: Promise<void>) => Promise<void>): Promise<void> {
    this.#stopped ??= Promise.resolve().then(() => close(this.#over.promise));
    const cancel = this.#clock.setTimeout(() => this.#over.resolve(), graceMs);
    return this.#stopped.finally(cancel);
  }
}
