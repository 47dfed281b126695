/**
 * Foreign memory: bytes that the kernel is given the addresses of. One arena owns them all, and whoever passes an address on
 * holds the arena, so that nothing the kernel knows can be garbage-collected. Offsets are checked where they are made.
 */
import { addressOf } from './libc.ts';

/** Memory is given out in multiples of this. */
const ALIGNMENT = 16;

/** A part of the arena. */
export interface Region {
  /** Bytes from the arena's start. */
  readonly offset: number;
  readonly length: number;
  /** What the kernel is told. */
  readonly address: number;
}

export class Arena {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly view: DataView;
  readonly #address: number;
  #used = 0;

  constructor(length: number) {
    // An explicit ArrayBuffer: its bytes never move, unlike those of a small typed array.
    const buffer = new ArrayBuffer(Math.ceil(length / ALIGNMENT) * ALIGNMENT);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.view = new DataView(buffer);
    this.#address = addressOf(this.bytes);
  }

  /** Throws a RangeError when the arena is full: its size is a mistake in the program. */
  take(length: number): Region {
    const offset = this.#used;
    if (!Number.isInteger(length) || length <= 0 || offset + length > this.bytes.length) {
      throw new RangeError(`arena of ${this.bytes.length} bytes cannot give ${length} more than ${offset}`);
    }
    this.#used = Math.ceil((offset + length) / ALIGNMENT) * ALIGNMENT;
    return { offset, length, address: this.#address + offset };
  }

  /** Writes a pointer (little-endian, 64 bits) without making a BigInt. `address` is below 2^53, as user space's are. */
  pointer(offset: number, address: number): void {
    const word = offset >>> 2;
    // Without a remainder of doubles, which is a loop.
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
