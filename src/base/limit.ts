/**
 * Waiting no longer than one is willing to. What comes after that is handed to whoever can clean it up.
 */

import type { Signal } from './abort.ts';
import type { Clock } from './clock.ts';

export interface Limits<T> {
  readonly clock: Clock;
  /** Time limit; without one only `signal` ends the wait. */
  readonly ms?: number | undefined;
  /** Ends the wait with its reason. */
  readonly signal?: Signal | undefined;
  /** Told why the wait is over, right after it is. */
  gaveUp?(reason: unknown): void;
  /** Gets a value that nobody waits for any more. */
  late?(value: T): void;
}

/** Work was not done within its time limit. */
export class TimeLimitError extends Error {
  constructor(ms: number) {
    super(`not done within ${ms} ms`);
  }
}

/** Settles as `work` does, or rejects when its time is up or the signal aborts. Work that is given up may still reject: it is ignored. */
export function limit<T>(work: PromiseLike<T>, limits: Limits<T>): Promise<T> {
  const { clock, ms, signal } = limits;
  return new Promise((resolve, reject) => {
    let waiting = true;
    const settle = (): boolean => {
      const first = waiting;
      waiting = false;
      cancel?.();
      signal?.removeEventListener('abort', aborted);
      return first;
    };
    const giveUp = (reason: unknown): void => {
      if (!settle()) return;
      reject(reason);
      limits.gaveUp?.(reason);
    };
    const aborted = (): void => giveUp(signal?.reason);
    const cancel = ms === undefined ? undefined : clock.setTimeout(() => giveUp(new TimeLimitError(ms)), ms);
    signal?.addEventListener('abort', aborted);
    work.then(
      (value) => (settle() ? resolve(value) : limits.late?.(value)),
      (error) => settle() && reject(error),
    );
    if (signal?.aborted) aborted();
  });
}
