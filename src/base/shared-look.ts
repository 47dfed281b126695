/**
 * A look at something that may change, shared by all who ask at the same time. Whoever asks while a look is under way gets the
 * next one, together with all others who ask until that begins: one that has begun may have seen what was there before.
 */

/** A look that somebody waits for. */
interface Look<T> {
  readonly result: Promise<T>;
  begun: boolean;
}

export class SharedLook<T> {
  /** The latest of each key. */
  readonly #latest = new Map<string, Look<T>>();

  /** Settles as a look does that has not begun before this call. All looks of one key are the same. */
  ask(key: string, look: () => Promise<T>): Promise<T> {
    const latest = this.#latest.get(key);
    if (latest?.begun === false) return latest.result;
    return this.#add(key, look, latest?.result ?? Promise.resolve());
  }

  /** Adds a look that begins after another, and never before all who ask in this turn have asked. */
  #add(key: string, look: () => Promise<T>, after: Promise<unknown>): Promise<T> {
    const begin = () => {
      added.begun = true;
      return look();
    };
    const added: Look<T> = { result: after.then(begin, begin), begun: false };
    const over = () => {
      if (this.#latest.get(key) === added) this.#latest.delete(key);
    };
    added.result.then(over, over);
    this.#latest.set(key, added);
    return added.result;
  }
}
