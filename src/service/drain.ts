/**
 * The wait of a service that stops: until its last exchange has ended, or the shortest of the grace periods asked for is over.
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
   * @param close begins to stop, once, at the first call; is given the wait
   * @returns what `close` returned, whichever call this is
   */
  stop(graceMs: number, close: (drained: Promise<void>) => Promise<void>): Promise<void> {
    this.#stopped ??= Promise.resolve().then(() => close(this.#over.promise));
    const cancel = this.#clock.setTimeout(() => this.#over.resolve(), graceMs);
    return this.#stopped.finally(cancel);
  }

  /** No exchange is left. */
  finish(): void {
    this.#over.resolve();
  }
}
