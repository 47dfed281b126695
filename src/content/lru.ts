/**
 * A bounded least-recently-used cache of file segments. It knows neither files nor promises: a key identifies a version of a
 * file (`version.ts`), so entries never become stale, and dropping one only frees memory.
 */

import type { CacheBudget } from './budget.ts';

/** Approximate overhead of an entry, so that a million tiny files are bounded too. */
export const ENTRY_BYTES = 512;

export class SegmentLru {
  readonly #budget: CacheBudget;
  readonly #dropped: (bytes: Uint8Array) => void;
  readonly #costOf: (bytes: Uint8Array) => number;
  /** In order of use, least recent first. */
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * @param budget the budget that cached segments draw on
   * @param dropped called with each segment that is dropped
   * @param costOf the bytes that a segment counts for
   */
  constructor(
    budget: CacheBudget,
    dropped: (bytes: Uint8Array) => void = () => {},
    costOf = ({ length }: Uint8Array): number => length + ENTRY_BYTES,
  ) {
    this.#budget = budget;
    this.#dropped = dropped;
    this.#costOf = costOf;
  }

  /** Cached bytes, as counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The segment, if cached; marks it as used. Never written again. */
  get(key: string, index: number): Uint8Array | undefined {
    const at = segmentKey(key, index);
    const bytes = this.#kept.get(at);
    if (bytes === undefined) return undefined;
    this.#kept.delete(at);
    this.#kept.set(at, bytes);
    return bytes;
  }

  /** Caches a segment if it fits and is not cached yet; returns whether it did. */
  keep(key: string, index: number, bytes: Uint8Array): boolean {
    const at = segmentKey(key, index);
    const cost = this.#costOf(bytes);
    if (cost > this.#budget.maxBytes || this.#kept.has(at)) return false;
    while (!this.#budget.take(cost)) if (!this.#dropOldest()) return false;
    this.#kept.set(at, bytes);
    this.#bytes += cost;
    return true;
  }

  /** Drops least recently used segments, as requested by another thread. */
  giveWay(): void {
    const asked = this.#budget.takeAsked();
    for (const until = this.#bytes - asked; this.#bytes > until && this.#dropOldest(); );
  }

  /** Drops a version. */
  evict(key: string): void {
    const prefix = segmentKey(key, '');
    for (const [at, bytes] of this.#kept) if (at.startsWith(prefix)) this.#drop(at, bytes);
  }

  /** Returns `false` if nothing is cached. */
  #dropOldest(): boolean {
    for (const [oldest, old] of this.#kept) {
      this.#drop(oldest, old);
      return true;
    }
    return false;
  }

  #drop(at: string, bytes: Uint8Array): void {
    const cost = this.#costOf(bytes);
    this.#kept.delete(at);
    this.#bytes -= cost;
    this.#budget.give(cost);
    this.#dropped(bytes);
  }
}

/** The key of a version's segment. */
export function segmentKey(key: string, index: number | string): string {
  return `${key}/${index}`;
}
