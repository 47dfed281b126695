/**
 * Segments of files, shared by all transfers: a thousand machines that boot one initrd read it once. {@link SegmentLru} decides
 * what is kept; this class shares reads in progress. It does not know files.
 */

import type { Awaitable } from '../base/awaitable.ts';
import { CacheBudget } from './budget.ts';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { Holders } from './holders.ts';
import { SegmentLru, segmentKey } from './lru.ts';
import type { Turns } from './turns.ts';

export { ENTRY_BYTES } from './lru.ts';

export interface SegmentCacheOptions {
  /** Maximum bytes, or a budget shared with another thread. Segments being loaded are not included; 0 caches nothing. */
  readonly maxBytes: number | CacheBudget;
  /** Allocates segments; plain memory by default. */
  readonly allocate?: (length: number) => Uint8Array;
  readonly counters?: Counters | undefined;
}

export const DEFAULT_CACHE_BYTES = 32 * 1024 ** 2;

/** Fills a whole segment, and resolves once its bytes are known to be of the requested version. */
export type Fill = (into: Uint8Array) => Promise<void>;

/** A segment being loaded. */
interface Loading {
  readonly bytes: Promise<Uint8Array>;
  /** Number of callers waiting for it. */
  callers: number;
}

export class SegmentCache {
  readonly #allocate: (length: number) => Uint8Array;
  readonly #kept: SegmentLru;
  readonly #counters: Counters;
  /** Holders are the cache itself, for what it keeps, and each caller that got a segment. */
  readonly #holders = new Holders();
  readonly #loading = new Map<string, Loading>();

  constructor({ maxBytes, allocate = (length) => new Uint8Array(length), counters = NO_COUNTERS }: SegmentCacheOptions) {
    const budget = typeof maxBytes === 'number' ? new CacheBudget(maxBytes) : maxBytes;
    this.#kept = new SegmentLru(budget, (bytes) => {
      this.#holders.release(bytes);
      this.#countBytes();
    });
    this.#allocate = allocate;
    this.#counters = counters;
  }

  /** Cached bytes, as counted against the bound. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /** The segment, if cached. It is never written again, and stays valid until the caller {@link release}s it. */
  get(key: string, index: number): Uint8Array | undefined {
    this.#kept.giveWay();
    return this.#get(key, index);
  }

  /**
   * Like {@link get}, but loads a missing segment by `fill`, unless another caller is already loading it. Failures are not
   * cached.
   * @param turns limits the loads that allocate memory concurrently
   */
  load(key: string, index: number, length: number, fill: Fill, turns?: Turns): Awaitable<Uint8Array> {
    const kept = this.#get(key, index);
    this.#counters.add(kept === undefined ? 'cache.misses' : 'cache.hits');
    if (kept !== undefined) return kept;
    const at = segmentKey(key, index);
    const loading = this.#loading.get(at);
    if (loading !== undefined) {
      loading.callers++;
      // The other transfer's failure may be its own (its descriptor, its view of the file), so each caller then tries for itself.
      return loading.bytes.catch(() => this.#get(key, index) ?? this.#load(key, index, length, () => 1, fill, turns));
    }
    // From then on no caller joins: one that is not counted as a holder could have its bytes freed.
    const finish = () => {
      this.#loading.delete(at);
      return load.callers;
    };
    const load: Loading = { bytes: this.#load(key, index, length, finish, fill, turns), callers: 1 };
    this.#loading.set(at, load);
    load.bytes.catch(finish);
    return load.bytes;
  }

  /**
   * Declares that the caller no longer uses a segment and has not passed it on, so that it is freed when dropped from the cache.
   * Otherwise the garbage collector frees it.
   */
  release(bytes: Uint8Array): void {
    this.#holders.release(bytes);
  }

  /** Counts a segment from {@link get} as used by a transfer. */
  countHit(): void {
    this.#counters.add('cache.hits');
  }

  /** Drops a version. A segment of it that is being loaded may still be cached afterwards. */
  evict(key: string): void {
    this.#kept.evict(key);
  }

  #get(key: string, index: number): Uint8Array | undefined {
    const bytes = this.#kept.get(key, index);
    if (bytes !== undefined) this.#holders.hold(bytes);
    return bytes;
  }

  /** @param finish called when the bytes are there; returns how many callers get them */
  async #load(
    ...[key, index, length, finish, fill, turns]: [string, number, number, () => number, Fill, Turns | undefined]
  ): Promise<Uint8Array> {
    const turn = turns?.take();
    if (turn !== undefined) await turn;
    try {
      // Another caller may have cached it meanwhile.
      const kept = turn === undefined ? undefined : this.#kept.get(key, index);
      if (kept !== undefined) {
        this.#holders.hold(kept, finish());
        return kept;
      }
      const bytes = this.#allocate(length);
      this.#counters.add('reads.main-thread');
      await fill(bytes);
      this.#holders.hold(bytes, finish());
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
