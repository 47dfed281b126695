/**
 * Reference counts for memory, which is freed as soon as its last holder releases it. The garbage collector would free it late,
 * since it sees only the small objects in front of the bytes of thousands of files. A holder that does not know how long it
 * needs the bytes, such as a plugin, never releases them; the garbage collector then frees the memory.
 */

/** Smaller memory is left to the garbage collector, which accounts for most of it. */
const LEAST_BYTES = 1024;

export class Holders {
  readonly #free: (memory: ArrayBuffer) => void;
  readonly #count = new WeakMap<ArrayBufferLike, number>();

  /** @param free called with memory that has no holder; by default frees it */
  constructor(free = freeMemory) {
    this.#free = free;
  }

  /** Adds holders to the memory behind the bytes. */
  hold({ buffer }: Uint8Array, holders = 1): void {
    if (buffer.byteLength < LEAST_BYTES) return;
    this.#count.set(buffer, (this.#count.get(buffer) ?? 0) + holders);
  }

  isHeld(memory: ArrayBufferLike): boolean {
    return this.#count.has(memory);
  }

  /** Removes a holder that no longer uses the bytes and has not passed them on. */
  release({ buffer }: Uint8Array): void {
    const count = this.#count.get(buffer);
    if (count === undefined) return;
    if (count > 1) return void this.#count.set(buffer, count - 1);
    this.#count.delete(buffer);
    if (buffer instanceof ArrayBuffer) this.#free(buffer);
  }
}

/** Empties every view of the memory. */
export function freeMemory(memory: ArrayBuffer): void {
  memory.transfer(0);
}
