/**
 * Who holds memory, by number: when the last holder lets go, it is freed at once. The garbage collector would free it late: it sees small
 * objects, and the bytes of thousands of files behind them. A holder that does not know how long it needs the bytes, such as a
 * plugin, never lets go; then the memory is the collector's.
 */

/** Smaller memory is left to the collector: what it sees of it is not much less. */
const LEAST_BYTES = 1024;

export class Holders {
  readonly #free: (memory: ArrayBuffer) => void;
  readonly #count = new WeakMap<ArrayBufferLike, number>();

  /** @param free told memory that is not held any more; frees it unless told otherwise */
  constructor(free = freeMemory) {
    this.#free = free;
  }

  /** As many more hold the memory that the bytes lie in. */
  hold({ buffer }: Uint8Array, holders = 1): void {
    if (buffer.byteLength < LEAST_BYTES) return;
    this.#count.set(buffer, (this.#count.get(buffer) ?? 0) + holders);
  }

  isHeld(memory: ArrayBufferLike): boolean {
    return this.#count.has(memory);
  }

  /** A holder does not look at the bytes again, nor has it passed them on. */
  letGo({ buffer }: Uint8Array): void {
    const count = this.#count.get(buffer);
    if (count === undefined) return;
    if (count > 1) return void this.#count.set(buffer, count - 1);
    this.#count.delete(buffer);
    if (buffer instanceof ArrayBuffer) this.#free(buffer);
  }
}

/** A view of the memory is empty from then on. */
export function freeMemory(memory: ArrayBuffer): void {
  memory.transfer(0);
}
