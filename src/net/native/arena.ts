/**
 * Memory whose addresses the kernel gets. An arena owns its memory, and code that passes an address on keeps a reference to the
 * arena, so that nothing the kernel uses is garbage-collected. Offsets are checked when they are created.
 */
import { addressOf } from './libc.ts';

/** Allocation granularity. */
const ALIGNMENT = 16;

/** A region of the arena. */
export interface Region {
  /** Byte offset in the arena. */
  readonly offset: number;
  readonly length: number;
  /** Address for the kernel. */
  readonly address: number;
}

export class Arena {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly #address: number;
  #used = 0;

  constructor(length: number) {
    // Allocate an ArrayBuffer explicitly: unlike the bytes of a small typed array, its bytes never move.
    const buffer = new ArrayBuffer(Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.#address = addressOf(this.bytes);
  }

  /** Throws a RangeError if the arena is full, which is a programming error. */
  take(length: number): Region {
    const offset = this.#used;
    if (!Number.isInteger(length) || length <= 0 || offset + length > this.bytes.length) {
      throw new RangeError(`arena of ${this.bytes.length} bytes cannot give ${length} more than ${offset}`);
    }
    this.#used = Math.ceil((offset + length) / ALIGNMENT) * ALIGNMENT;
    return { offset, length, address: this.#address + offset };
  }

  /** Writes a pointer (little-endian, 64 bits) without creating a BigInt. `address` is below 2^53, as all of user space is. */
  pointer(offset: number, address: number): void {
    const word = offset >>> 2;
    // Not `%`, which is a loop for doubles.
    const high = Math.floor(address / 0x1_0000_0000);
    this.words[word] = address - high * 0x1_0000_0000;
    this.words[word + 1] = high;
  }

  /** Writes a size_t. */
  size(offset: number, value: number): void {
    const word = offset >>> 2;
    this.words[word] = value;
    this.words[word + 1] = 0;
  }
}
