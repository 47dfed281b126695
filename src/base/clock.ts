/** Time, given from outside, so that the whole server can run in a simulation. */
export interface Clock {
  /** Milliseconds, monotonic; only differences mean anything. */
  now(): number;
  /** Milliseconds since the epoch, as file systems count; may jump. */
  wallTime(): number;
  /** Runs `run` once, `ms` milliseconds from now, unless the returned function is called before. */
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

/** The same, but its timers do not keep the process alive. */
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

/** Settles as `work` does, or rejects with what `late` makes once `ms` milliseconds are over; `Infinity` is no limit. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  if (ms === Number.POSITIVE_INFINITY) return work;
  return new Promise((resolve, reject) => {
    const cancel = clock.setTimeout(() => reject(late()), ms);
    work.then(resolve, reject).finally(cancel);
  });
}
