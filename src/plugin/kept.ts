/**
 * What plugins keep beyond their generation. It belongs to the server: the first generation that asks for a value makes it, later
 * ones get the same, and the last one that is disposed of takes it along. Knows nothing of what is kept.
 */
import type { Awaitable } from '../base/awaitable.ts';

/** A value that plugins share across generations. */
export interface Kept {
  /** Runs when no generation uses it any more. */
  dispose?(): Awaitable<void>;
}

export class KeptState {
  readonly #entries = new Map<string, { readonly value: Kept; users: number }>();

  /** `release` is to be called once, when its generation is disposed of. */
  take<T extends Kept>(key: string, make: () => T): { readonly value: T; readonly release: () => Awaitable<void> } {
    const entry = this.#entries.get(key) ?? { value: make(), users: 0 };
    this.#entries.set(key, entry);
    entry.users++;
    const release = () => {
      if (--entry.users > 0) return;
      this.#entries.delete(key);
      return entry.value.dispose?.();
    };
    return { value: entry.value as T, release };
  }
}
