/**
 * A map with a promise that resolves when it becomes empty.
 */
export class EmptyingMap<Key, Value> extends Map<Key, Value> {
  #onEmpty: (() => void) | undefined;
  #emptied: Promise<void> | undefined;

  /** Resolves when the map is empty, possibly at once. */
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
