/**
 * Segments of files in memory, as many as a bound allows, the ones used least recently going first. It knows neither files nor
 * promises: a key names a version of a file (`version.ts`), so what is held for it is right for ever, and letting go only saves memory.
 */

/** Roughly what an entry takes beside its bytes, so that a million tiny files are bounded too. */
export const ENTRY_BYTES = 512;

export class SegmentLru {
  readonly #maxBytes: number;
  readonly #dropped: (bytes: Uint8Array) => void;
  /** Least recently used first. */
  readonly #kept = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * @param maxBytes bound of what is kept, {@link ENTRY_BYTES} for each segment included
   * @param dropped told each segment that is not kept any more
   */
  constructor(maxBytes: number, dropped: (bytes: Uint8Array) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#dropped = dropped;
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
    const cost = bytes.length + ENTRY_BYTES;
    if (cost > this.#maxBytes || this.#kept.has(at)) return false;
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes + cost <= this.#maxBytes) break;
      this.#drop(oldest, old);
    }
    this.#kept.set(at, bytes);
    this.#bytes += cost;
    return true;
  }

  /** Forgets a version. */
  evict(key: string): void {
    const prefix = segmentKey(key, '');
    for (const [at, bytes] of this.#kept) if (at.startsWith(prefix)) this.#drop(at, bytes);
  }

  #drop(at: string, bytes: Uint8Array): void {
    this.#kept.delete(at);
    this.#bytes -= bytes.length + ENTRY_BYTES;
    this.#dropped(bytes);
  }
}

/** One text for a version's segment. */
export function segmentKey(key: string, index: number | string): string {
  return `${key}/${index}`;
}
