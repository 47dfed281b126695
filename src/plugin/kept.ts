/**
 * Values that plugins keep across generations. It belongs to the server: the first generation that asks for a value creates it,
 * later ones get the same, and it is disposed of with the last generation that uses it. It does not know the values.
 */
import type { Awaitable } from '../base/awaitable.ts';

/** A value that plugins share across generations. */
export interface Kept {
  /** Called when no generation uses it any more. */
  dispose?(): Awaitable<void>;
}

export class KeptState {
  readonly #entries = new Map<string, { readonly value: Kept; users: number }>();

  /** Call `release` once, when the generation is disposed of. */
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
