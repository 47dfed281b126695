/**
 * Segments of files in memory, as many as a bound allows, the ones used least recently going first. It knows neither files nor
 * promises: a key names a version of a file (`version.ts`), so what is held for it is right for ever, and letting go only saves memory.
 */

import type { CacheBudget } from './budget.ts';

/** Roughly what an entry takes beside its bytes, so that a million tiny files are bounded too. */
export const ENTRY_BYTES = 512;

export class SegmentLru {
  readonly #budget: CacheBudget;
  readonly #dropped: (bytes: Uint8Array) => void;
  readonly #costOf: (bytes: Uint8Array) => number;
  /** Least recently used first. */
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * @param budget what is kept is drawn from it
   * @param dropped told each segment that is not kept any more
   * @param costOf what a segment draws
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

  /** Bytes kept, as counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The segment, if it is here; now the one used last. Never written to again. */
  get(key: string, index: number): Uint8Array | undefined {
    const at = segmentKey(key, index);
    const bytes = this.#kept.get(at);
    if (bytes === undefined) return undefined;
    this.#kept.delete(at);
    this.#kept.set(at, bytes);
    return bytes;
  }

  /** Keeps a segment, if it fits at all and is not here already; returns whether it does. */
  keep(key: string, index: number, bytes: Uint8Array): boolean {
    const at = segmentKey(key, index);
    const cost = this.#costOf(bytes);
    if (cost > this.#budget.maxBytes || this.#kept.has(at)) return false;
    while (!this.#budget.take(cost)) if (!this.#dropOldest()) return false;
    this.#kept.set(at, bytes);
    this.#bytes += cost;
    return true;
  }

  /** Drops what another thread has asked for, the segments used least recently first. */
  giveWay(): void {
    const asked = this.#budget.takeAsked();
    for (const until = this.#bytes - asked; this.#bytes > until && this.#dropOldest(); );
  }

  /** Forgets a version. */
  evict(key: string): void {
    const prefix = segmentKey(key, '');
    for (const [at, bytes] of this.#kept) if (at.startsWith(prefix)) this.#drop(at, bytes);
  }

  /** `false`: nothing is kept. */
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

/** One text for a version's segment. */
export function segmentKey(key: string, index: number | string): string {
  return `${key}/${index}`;
}
