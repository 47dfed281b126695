/**
 * Waits for work up to a time limit. A value that arrives later goes to a clean-up callback.
 */

import type { Signal } from './abort.ts';
import type { Clock } from './clock.ts';

export interface Limits<T> {
  readonly clock: Clock;
  /** Time limit in ms; if absent, only `signal` ends the wait. */
  readonly ms?: number | undefined;
  /** Ends the wait, with the signal's reason. */
  readonly signal?: Signal | undefined;
  /** Called with the reason right after the wait was given up. */
  onGiveUp?(reason: unknown): void;
  /** Called with a value that arrives after the wait was given up. */
  onLate?(value: T): void;
}

/** Work took longer than its time limit. */
export class TimeLimitError extends Error {
  constructor(ms: number) {
    super(`not done within ${ms} ms`);
  }
}

/** Settles as `work` does, or rejects on timeout or abort. A later rejection of `work` is ignored. */
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
      limits.onGiveUp?.(reason);
    };
    const aborted = (): void => giveUp(signal?.reason);
    const cancel = ms === undefined ? undefined : clock.setTimeout(() => giveUp(new TimeLimitError(ms)), ms);
    signal?.addEventListener('abort', aborted);
    work.then(
      (value) => (settle() ? resolve(value) : limits.onLate?.(value)),
      (error) => settle() && reject(error),
    );
    if (signal?.aborted) aborted();
  });
}
