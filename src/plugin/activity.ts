/**
 * Records which plugin's code is running, where another thread can read it: a thread blocked by code that never returns cannot
 * name that code itself.
 */

export interface Activity {
  /**
   * Called before a plugin's function. Returns the previous record, for {@link leave}. It must be cheap, because it runs for each
   * hook.
   */
  enter(plugin: string, hook: string): number;
  leave(before: number): void;
}

/** Calls `work` and records whose code it is. Code after an `await` is not recorded; the last call is. */
export function during<T>(activity: Activity | undefined, plugin: string, hook: string, work: () => T): T {
  if (activity === undefined) return work();
  const before = activity.enter(plugin, hook);
  try {
    return work();
  } finally {
    activity.leave(before);
  }
}
