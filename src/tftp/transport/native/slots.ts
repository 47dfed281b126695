/**
 * Where the bytes of files lie: slots of one segment each, in chunks that the data thread and the content thread both see. A slot is
 * known by its number. Who may use it, and when, is the {@link SegmentShelf}'s business.
 */
import { SEGMENT_BYTES } from '../../../base/segment.ts';

/** Slots of a chunk: 4 MiB, which huge pages may take at once. */
export const CHUNK_SLOTS = 64;

export class Slots {
  readonly #chunks: SharedArrayBuffer[] = [];

  /** The next chunk; the same ones in the same order in both threads. Returns the number of its first slot. */
  add(chunk: SharedArrayBuffer): number {
    return (this.#chunks.push(chunk) - 1) * CHUNK_SLOTS;
  }

  /** The first bytes of a slot. Throws a RangeError for a slot that is none. */
  bytes(slot: number, length: number): Uint8Array {
    const chunk = this.#chunks[Math.floor(slot / CHUNK_SLOTS)];
    if (chunk === undefined || length > SEGMENT_BYTES) throw new RangeError(`${length} bytes of slot ${slot}`);
    return new Uint8Array(chunk, (slot % CHUNK_SLOTS) * SEGMENT_BYTES, length);
  }

  /** The slot that bytes lie at the start of; `undefined` for those that lie elsewhere. */
  slotOf(bytes: Uint8Array): number | undefined {
    const chunk = this.#chunks.indexOf(bytes.buffer as SharedArrayBuffer);
    return chunk < 0 ? undefined : chunk * CHUNK_SLOTS + bytes.byteOffset / SEGMENT_BYTES;
  }
}
