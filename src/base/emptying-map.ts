/**
 * A map that tells when nothing is left in it.
 */
export class EmptyingMap<Key, Value> extends Map<Key, Value> {
  #onEmpty: (() => void) | undefined;
  #emptied: Promise<void> | undefined;

  /** Resolves when it is empty; at once if it is. */
  emptied(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    this.#emptied ??= new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
    return this.#emptied;
  }

  override delete(key: Key): boolean {
    const deleted = super.delete(key);
    if (this.size === 0 && this.#onEmpty) {
      this.#onEmpty();
      this.#onEmpty = this.#emptied = undefined;
    }
    return deleted;
  }
}
