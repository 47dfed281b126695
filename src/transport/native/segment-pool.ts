/**
 * The memory that files are read into: slots of one segment each, in chunks that both threads see. Slots are used again and
 * again, since memory that was never touched before costs more than reading into it.
 *
 * The content thread owns the slots. Each time it hands one out it counts a use, and the slot is free again when the data thread
 * has given back as many: a second message about a slot may be on its way while the first is given back.
 */
import { SEGMENT_BYTES } from '../../protocol/segments.ts';

/** Slots of a chunk: 16 MiB, of which only what is used takes memory. */
export const CHUNK_SLOTS = 256;

export class SegmentPool {
  readonly #added: (chunk: SharedArrayBuffer) => void;
  readonly #chunks: SharedArrayBuffer[] = [];
  readonly #free: number[] = [];
  /** By slot: uses handed out and not given back. */
  readonly #uses: number[] = [];

  /** @param added told each new chunk, before a slot of it is handed out */
  constructor(added: (chunk: SharedArrayBuffer) => void) {
    this.#added = added;
  }

  /** Memory of a free slot. Hand it out, or free it. */
  allocate(length: number): Uint8Array {
    if (length > SEGMENT_BYTES) throw new RangeError(`a segment of ${length} bytes`);
    if (this.#free.length === 0) this.#grow();
    const slot = this.#free.pop()!;
    return slotBytes(this.#chunks, slot, length);
  }

  /** Memory that was allocated and never handed out. */
  free(bytes: Uint8Array): void {
    this.#free.push(this.#slotOf(bytes));
  }

  /** Counts a use; returns the slot's number. */
  handOut(bytes: Uint8Array): number {
    const slot = this.#slotOf(bytes);
    this.#uses[slot]!++;
    return slot;
  }

  giveBack(slot: number, uses: number): void {
    const left = (this.#uses[slot] ?? 0) - uses;
    if (left < 0) throw new RangeError(`slot ${slot} was given back more often than it was handed out`);
    this.#uses[slot] = left;
    if (left === 0) this.#free.push(slot);
  }

  #slotOf(bytes: Uint8Array): number {
    const slot = slotNumber(this.#chunks, bytes);
    if (slot === undefined) throw new RangeError('bytes of no slot');
    return slot;
  }

  #grow(): void {
    const chunk = new SharedArrayBuffer(CHUNK_SLOTS * SEGMENT_BYTES);
    const first = this.#chunks.push(chunk) * CHUNK_SLOTS - CHUNK_SLOTS;
    // The first slots go first: the last ones may never be touched.
    for (let slot = first + CHUNK_SLOTS - 1; slot >= first; slot--) {
      this.#free.push(slot);
      this.#uses[slot] = 0;
    }
    this.#added(chunk);
  }
}

export function slotBytes(chunks: readonly SharedArrayBuffer[], slot: number, length: number): Uint8Array {
  return new Uint8Array(chunks[Math.floor(slot / CHUNK_SLOTS)]!, (slot % CHUNK_SLOTS) * SEGMENT_BYTES, length);
}

/** `undefined` for bytes that lie elsewhere. */
export function slotNumber(chunks: readonly SharedArrayBuffer[], bytes: Uint8Array): number | undefined {
  const chunk = chunks.indexOf(bytes.buffer as SharedArrayBuffer);
  return chunk < 0 ? undefined : chunk * CHUNK_SLOTS + bytes.byteOffset / SEGMENT_BYTES;
}
