/**
 * Work on something that may change, done once for all callers who want it at the same moment. A call joins only a run that begins
 * after it: a run that has begun may have seen what was there before.
 */
import { type Clock, sleep, systemClock } from './clock.ts';

/** A run that callers wait for. */
interface Run<T> {
  readonly result: Promise<T>;
  begun: boolean;
}

export interface SingleFlightOptions {
  /** From the beginning of one run to the beginning of the next, at least. Default 0. */
  readonly spacingMs?: number;
  readonly clock?: Clock;
}

export class SingleFlight<T> {
  readonly #spacingMs: number;
  readonly #clock: Clock;
  /** The latest of each key. */
  readonly #latest = new Map<string, Run<T>>();
  /** When runs may begin; empty where they need no spacing. */
  readonly #dueAt = new Map<string, number>();

  constructor({ spacingMs = 0, clock = systemClock }: SingleFlightOptions = {}) {
    this.#spacingMs = spacingMs;
    this.#clock = clock;
  }

  /**
   * Settles as a run does that has not begun before this call. One run at a time for each key; all runs of a key do the same. With
   * `spacingMs`, each key is remembered.
   */
  run(work: () => Promise<T>, key = ''): Promise<T> {
    const latest = this.#latest.get(key);
    if (latest?.begun === false) return latest.result;
    return this.#add(key, work, latest?.result ?? Promise.resolve());
  }

  /** Adds a run that begins after another, and never before all who call in this turn have called. */
  #add(key: string, work: () => Promise<T>, after: Promise<unknown>): Promise<T> {
    const begin = () => {
      const earlyMs = (this.#dueAt.get(key) ?? 0) - this.#clock.now();
      return earlyMs > 0 ? sleep(this.#clock, earlyMs).then(start) : start();
    };
    const start = () => {
      if (this.#spacingMs > 0) this.#dueAt.set(key, this.#clock.now() + this.#spacingMs);
      added.begun = true;
      return work();
    };
    const added: Run<T> = { result: after.then(begin, begin), begun: false };
    const over = () => {
      if (this.#latest.get(key) === added) this.#latest.delete(key);
    };
    added.result.then(over, over);
    this.#latest.set(key, added);
    return added.result;
  }
}
