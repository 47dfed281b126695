/** Time as a dependency, so that the whole server can run in a simulation. */
export interface Clock {
  /** Monotonic milliseconds; only differences are meaningful. */
  now(): number;
  /** Milliseconds since the epoch, comparable with file times; may jump. */
  wallTime(): number;
  /** Calls `run` once after `ms` milliseconds, unless the returned function is called first. */
  setTimeout(run: () => void, ms: number): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Like the system clock, but its timers do not keep the process alive. */
export const backgroundClock: Clock = {
  ...systemClock,
  setTimeout(run, ms) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.setTimeout(resolve, ms));
}

/** Settles as `work` does, or rejects with the `timeoutError` after `ms` milliseconds; `Infinity` means no limit. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>, timeoutError: () => Error): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return work;
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimeout(() => reject(timeoutError()), ms);
    work.then(resolve, reject).finally(cancel);
  });
}
