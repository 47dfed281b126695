/**
 * Which plugin's code runs at this moment. It is noted where another thread can read it: code that never comes back cannot be
 * named by the thread that it holds up.
 */

export interface Activity {
  /** A plugin's function is about to be called. Returns what was noted before, for {@link leave}. Called for each hook: must be cheap. */
  enter(plugin: string, hook: string): number;
  leave(before: number): void;
}

/** Calls `work` and notes whose code it is. What it does after an `await` is not noted, only that it was called last. */
export function during<T>(activity: Activity | undefined, plugin: string, hook: string, work: () => T): T {
  if (activity === undefined) return work();
  const before = activity.enter(plugin, hook);
  try {
    return work();
  } finally {
    activity.leave(before);
  }
}
