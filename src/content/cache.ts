/**
 * Segments of files, shared by all transfers: a thousand machines that boot one initrd read it once. What is kept is the
 * {@link SegmentLru}'s; this is about reads under way, which are shared as well. It does not know files.
 */
import { CacheBudget } from './budget.ts';
import type { Awaitable } from './content.ts';
import { SegmentLru, segmentKey } from './lru.ts';

export { ENTRY_BYTES } from './lru.ts';

export interface SegmentCacheOptions {
  /** Bound of what is kept, or a budget that another thread draws on, too. Segments being loaded come on top; 0 keeps nothing. */
  readonly maxBytes: number | CacheBudget;
  /** Where segments live; plain memory unless told otherwise. */
  readonly allocate?: (length: number) => Uint8Array;
}

export const DEFAULT_CACHE_BYTES = 32 * 1024 ** 2;

/** Puts a segment's bytes in place, all of them, and resolves once they are known to be of the version that was asked for. */
export type Fill = (into: Uint8Array) => Promise<void>;

export class SegmentCache {
  readonly #allocate: (length: number) => Uint8Array;
  readonly #kept: SegmentLru;
  readonly #loading = new Map<string, Promise<Uint8Array>>();

  constructor({ maxBytes, allocate = (length) => new Uint8Array(length) }: SegmentCacheOptions) {
    this.#kept = new SegmentLru(typeof maxBytes === 'number' ? new CacheBudget(maxBytes) : maxBytes);
    this.#allocate = allocate;
  }

  /** Bytes kept, as counted against the bound. */
  get bytes(): number {
    return this.#kept.bytes;
  }

  /** The segment, if it is here. Never written to again. */
  get(key: string, index: number): Uint8Array | undefined {
    this.#kept.giveWay();
    return this.#kept.get(key, index);
  }

  /** The segment, filled by `fill` if nobody has it or is loading it already. What fails is not kept. */
  load(key: string, index: number, length: number, fill: Fill): Awaitable<Uint8Array> {
    const kept = this.#kept.get(key, index);
    if (kept !== undefined) return kept;
    const at = segmentKey(key, index);
    const loading = this.#loading.get(at);
    // The other transfer's failure may be its own (its descriptor, its view of the file), so each then tries for itself.
    if (loading !== undefined) return loading.catch(() => this.#kept.get(key, index) ?? this.#load(key, index, length, fill));
    const load = this.#load(key, index, length, fill);
    this.#loading.set(at, load);
    const done = () => this.#loading.delete(at);
    load.then(done, done);
    return load;
  }

  /** Forgets a version. A segment of it that is being loaded may still come to be kept. */
  evict(key: string): void {
    this.#kept.evict(key);
  }

  async #load(key: string, index: number, length: number, fill: Fill): Promise<Uint8Array> {
    const bytes = this.#allocate(length);
    await fill(bytes);
    this.#kept.keep(key, index, bytes);
    return bytes;
  }
}
