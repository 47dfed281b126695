/**
 * Segments of files, shared by all transfers: a thousand machines that boot one initrd read it once. What is kept is the
 * {@link SegmentLru}'s; this is about reads under way, which are shared as well. It does not know files.
 */

import type { Awaitable } from '../base/awaitable.ts';
import { CacheBudget } from './budget.ts';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { Holders } from './holders.ts';
import { SegmentLru, segmentKey } from './lru.ts';
import type { Turns } from './turns.ts';

export { ENTRY_BYTES } from './lru.ts';

export interface SegmentCacheOptions {
  /** Bound of what is kept, or a budget that another thread draws on, too. Segments being loaded come on top; 0 keeps nothing. */
  readonly maxBytes: number | CacheBudget;
  /** Where segments live; plain memory unless told otherwise. */
  readonly allocate?: (length: number) => Uint8Array;
  readonly counters?: Counters | undefined;
}

export const DEFAULT_CACHE_BYTES = 32 * 1024 ** 2;

/** Puts a segment's bytes in place, all of them, and resolves once they are known to be of the version that was asked for. */
export type Fill = (into: Uint8Array) => Promise<void>;

/** A segment on its way. */
interface Loading {
  readonly bytes: Promise<Uint8Array>;
  /** Callers who wait for it. */
  callers: number;
}

export class SegmentCache {
  readonly #allocate: (length: number) => Uint8Array;
  readonly #kept: SegmentLru;
  readonly #counters: Counters;
  /** The cache itself, for what it keeps, and each caller who got a segment. */
  readonly #holders = new Holders();
  readonly #loading = new Map<string, Loading>();

  constructor({ maxBytes, allocate = (length) => new Uint8Array(length), counters = NO_COUNTERS }: SegmentCacheOptions) {
    const budget = typeof maxBytes === 'number' ? new CacheBudget(maxBytes) : maxBytes;
    this.#kept = new SegmentLru(budget, (bytes) => {
      this.#holders.letGo(bytes);
      this.#countBytes();
    });
    this.#allocate = allocate;
    this.#counters = counters;
  }

  /** Bytes kept, as counted against the bound. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /** The segment, if it is here. Never written to again, and there for as long as the caller does not {@link release} it. */
  get(key: string, index: number): Uint8Array | undefined {
    this.#kept.giveWay();
    return this.#get(key, index);
  }

  /**
   * As {@link get}; filled by `fill` if it is not here and no other caller is loading it already. What fails is not kept.
   * @param turns memory is taken, and filled, in one of them
   */
  load(key: string, index: number, length: number, fill: Fill, turns?: Turns): Awaitable<Uint8Array> {
    const kept = this.#get(key, index);
    this.#counters.add(kept === undefined ? 'cache.misses' : 'cache.hits');
    if (kept !== undefined) return kept;
    const at = segmentKey(key, index);
    const loading = this.#loading.get(at);
    if (loading !== undefined) {
      loading.callers++;
      // The other transfer's failure may be its own (its descriptor, its view of the file), so each then tries for itself.
      return loading.bytes.catch(() => this.#get(key, index) ?? this.#load(key, index, length, () => 1, fill, turns));
    }
    const load: Loading = { bytes: this.#load(key, index, length, () => load.callers, fill, turns), callers: 1 };
    this.#loading.set(at, load);
    const done = () => this.#loading.delete(at);
    load.bytes.then(done, done);
    return load.bytes;
  }

  /**
   * A caller does not look at a segment that it got again, and has not passed it on: it is freed when it is not kept any more. Without
   * this it is the garbage collector's.
   */
  release(bytes: Uint8Array): void {
    this.#holders.letGo(bytes);
  }

  /** A segment from {@link get} is what a transfer needed. */
  countHit(): void {
    this.#counters.add('cache.hits');
  }

  /** Forgets a version. A segment of it that is being loaded may still come to be kept. */
  evict(key: string): void {
    this.#kept.evict(key);
  }

  #get(key: string, index: number): Uint8Array | undefined {
    const bytes = this.#kept.get(key, index);
    if (bytes !== undefined) this.#holders.hold(bytes);
    return bytes;
  }

  async #load(
    ...[key, index, length, callers, fill, turns]: [string, number, number, () => number, Fill, Turns | undefined]
  ): Promise<Uint8Array> {
    const turn = turns?.take();
    if (turn !== undefined) await turn;
    try {
      // It may have come while this one waited.
      const kept = turn === undefined ? undefined : this.#kept.get(key, index);
      if (kept !== undefined) {
        this.#holders.hold(kept, callers());
        return kept;
      }
      const bytes = this.#allocate(length);
      this.#counters.add('reads.main-thread');
      await fill(bytes);
      this.#holders.hold(bytes, callers());
      if (this.#kept.keep(key, index, bytes)) {
        this.#holders.hold(bytes);
        this.#countBytes();
      }
      return bytes;
    } finally {
      turns?.giveBack();
    }
  }
  #countBytes(): void {
    this.#counters.set('cache-bytes.main', this.#kept.bytes);
  }
}
