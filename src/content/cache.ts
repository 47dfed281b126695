/**
 * Segments of files in memory, shared by all transfers: a thousand machines that boot one initrd read it once.
 * It does not know files: a key names a version (`version.ts`), so what is held for it is right for ever and eviction only saves memory.
 */
import type { Awaitable } from './content.ts';

export interface SegmentCacheOptions {
  /** Bound of what is kept, {@link ENTRY_BYTES} for each segment included. Segments being loaded come on top. */
  readonly maxBytes: number;
  /** Where segments live; plain memory unless told otherwise. */
  readonly allocate?: (length: number) => Uint8Array;
}

export const DEFAULT_CACHE_BYTES = 64 * 1024 ** 2;

/** Roughly what an entry takes beside its bytes, so that a million tiny files are bounded too. */
export const ENTRY_BYTES = 512;

/** Puts a segment's bytes in place, all of them, and resolves once they are known to be of the version that was asked for. */
export type Fill = (into: Uint8Array) => Promise<void>;

export class SegmentCache {
  readonly #maxBytes: number;
  readonly #allocate: (length: number) => Uint8Array;
  /** Least recently used first. */
  readonly #kept = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array>>();
  #bytes = 0;

  constructor(options: SegmentCacheOptions) {
    this.#maxBytes = options.maxBytes;
    this.#allocate = options.allocate ?? ((length) => new Uint8Array(length));
  }

  /** Bytes kept, as counted against the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The segment, if it is here. Never written to again. */
  get(key: string, index: number): Uint8Array | undefined {
    return this.#touch(segmentKey(key, index));
  }

  /** The segment, filled by `fill` if nobody has it or is loading it already. What fails is not kept. */
  load(key: string, index: number, length: number, fill: Fill): Awaitable<Uint8Array> {
    const at = segmentKey(key, index);
    const kept = this.#touch(at);
    if (kept !== undefined) return kept;
    const loading = this.#loading.get(at);
    // The other transfer's failure may be its own (its descriptor, its view of the file), so each then tries for itself.
    if (loading !== undefined) return loading.catch(() => this.#touch(at) ?? this.#load(at, length, fill));
    const load = this.#load(at, length, fill);
    this.#loading.set(at, load);
    const done = () => this.#loading.delete(at);
    load.then(done, done);
    return load;
  }

  /** Forgets a version. A segment of it that is being loaded may still come to be kept. */
  evict(key: string): void {
    const prefix = segmentKey(key, '');
    for (const [at, bytes] of this.#kept) if (at.startsWith(prefix)) this.#drop(at, bytes);
  }

  async #load(at: string, length: number, fill: Fill): Promise<Uint8Array> {
    const bytes = this.#allocate(length);
    await fill(bytes);
    this.#keep(at, bytes);
    return bytes;
  }

  #keep(at: string, bytes: Uint8Array): void {
    const cost = bytes.length + ENTRY_BYTES;
    if (cost > this.#maxBytes || this.#kept.has(at)) return;
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes + cost <= this.#maxBytes) break;
      this.#drop(oldest, old);
    }
    this.#kept.set(at, bytes);
    this.#bytes += cost;
  }

  #touch(at: string): Uint8Array | undefined {
    const bytes = this.#kept.get(at);
    if (bytes === undefined) return undefined;
    this.#kept.delete(at);
    this.#kept.set(at, bytes);
    return bytes;
  }

  #drop(at: string, bytes: Uint8Array): void {
    this.#kept.delete(at);
    this.#bytes -= bytes.length + ENTRY_BYTES;
  }
}

function segmentKey(key: string, index: number | string): string {
  return `${key}/${index}`;
}
