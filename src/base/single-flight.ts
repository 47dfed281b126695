/**
 * Shares one asynchronous run among simultaneous callers. A call during a run joins the next run, never the current one, which
 * may have read stale state.
 */

/** A run that callers are waiting for. */
interface Run<T> {
  readonly result: Promise<T>;
  begun: boolean;
}

export class SingleFlight<T> {
  /** The latest run of each key. */
  readonly #latest = new Map<string, Run<T>>();

  /** Joins or starts a run that begins after this call. All calls with one key must pass equivalent functions. */
  run(key: string, start: () => Promise<T>): Promise<T> {
    const latest = this.#latest.get(key);
    if (latest?.begun === false) return latest.result;
    return this.#add(key, start, latest?.result ?? Promise.resolve());
  }

  /** Queues a run after another one, and not before the current turn's callers have joined it. */
  #add(key: string, start: () => Promise<T>, after: Promise<unknown>): Promise<T> {
    const begin = () => {
      added.begun = true;
      return start();
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
