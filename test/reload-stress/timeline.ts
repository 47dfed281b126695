import { setTimeout as sleep } from 'node:timers/promises';

/** All transfers and all changes happen in this time; then the server drains. */
export const RUN_MS = 25_000;

/** The time since the run began. */
export class Timeline {
  readonly #began = performance.now();

  get elapsedMs(): number {
    return performance.now() - this.#began;
  }

  until(ms: number): Promise<void> {
    return sleep(Math.max(0, ms - this.elapsedMs));
  }
}
