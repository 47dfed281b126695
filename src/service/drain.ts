/**
 * A service that stops: once, however often it is asked to, and with the shortest of the grace periods asked for.
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
   * @param close stops, once, at the first call; is given the end of the grace period
   * @returns what `close` returned, whichever call this is
   */
  stop(graceMs: number, close: (graceOver: Promise<void>) => Promise<void>): Promise<void> {
    this.#stopped ??= Promise.resolve().then(() => close(this.#over.promise));
    const cancel = this.#clock.setTimeout(() => this.#over.resolve(), graceMs);
    return this.#stopped.finally(cancel);
  }
}
