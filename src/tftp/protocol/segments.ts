/**
 * The part of a content that a sender holds: the segments that it may still have to send, and those asked for ahead.
 * Segments come in any order, and are only ever read. This file does not know where they come from.
 */
import { SEGMENT_BYTES, type Slices } from '../../base/segment.ts';

const NOTHING = new Uint8Array(0);

export class Segments {
  /** Bytes in all; `undefined` until known. */
  size: number | undefined;
  /** Index of the first segment held. */
  #base = 0;
  /** From `#base` on; a hole is asked for, but not here yet. */
  #held: (Uint8Array | undefined)[] = [];

  readonly #released: (bytes: Uint8Array) => void;

  /** @param released told each segment that is not held any more, for those who use its memory again */
  constructor(size: number | undefined, released: (bytes: Uint8Array) => void = () => {}) {
    this.size = size;
    this.#released = released;
  }

  /** Takes a segment. `last` tells the size where it was not known. */
  supply(index: number, bytes: Uint8Array, last: boolean): void {
    // What was asked for beyond the end comes back empty, and perhaps first: the earliest end is the end.
    if (last) this.size = Math.min(this.size ?? Number.POSITIVE_INFINITY, index * SEGMENT_BYTES + bytes.length);
    const at = index - this.#base;
    if (at < 0) return this.#released(bytes);
    while (this.#held.length <= at) this.#held.push(undefined);
    const before = this.#held[at];
    if (before !== undefined) this.#released(before);
    this.#held[at] = bytes;
  }

  /** The next segment to ask for so that everything below `offset` is held or asked for; -1 if nothing is missing. Each is told once. */
  wanted(offset: number): number {
    const index = this.#base + this.#held.length;
    const start = index * SEGMENT_BYTES;
    if (start >= offset || (this.size !== undefined && start >= this.size)) return -1;
    this.#held.push(undefined);
    return index;
  }

  /**
   * Finds up to `length` bytes at `offset`. Returns how many there are, fewer only at the end of the content,
   * or -1 while they are not here yet.
   */
  slice(offset: number, length: number, into: Slices): number {
    const wanted = this.size === undefined ? length : Math.min(length, Math.max(0, this.size - offset));
    const index = Math.floor(offset / SEGMENT_BYTES);
    const start = offset - index * SEGMENT_BYTES;
    into.second = undefined;
    into.secondEnd = 0;
    if (wanted === 0) {
      into.first = NOTHING;
      into.start = into.end = 0;
      return 0;
    }
    const first = this.#held[index - this.#base];
    if (first === undefined) return -1;
    into.first = first;
    into.start = start;
    into.end = Math.min(first.length, start + wanted);
    const rest = wanted - (into.end - start);
    if (rest === 0) return wanted;
    const second = this.#held[index - this.#base + 1];
    if (second === undefined || second.length < rest) return -1;
    into.second = second;
    into.secondEnd = rest;
    return wanted;
  }

  /** Forgets everything below `offset`: it was acknowledged. */
  release(offset: number): void {
    const drop = Math.min(Math.floor(offset / SEGMENT_BYTES) - this.#base, this.#held.length);
    if (drop <= 0) return;
    this.#letGo(this.#held.splice(0, drop));
    this.#base += drop;
  }

  /** Segments held or asked for. */
  get held(): number {
    return this.#held.length;
  }

  /** Before anything is released: holds a copy of the first bytes in place of all that there is. */
  shrink(bytes: number): void {
    const first = bytes > 0 ? this.#held[0]?.slice(0, bytes) : undefined;
    this.clear();
    if (first !== undefined) this.#held.push(first);
  }

  clear(): void {
    this.#letGo(this.#held);
    this.#held = [];
  }

  #letGo(segments: readonly (Uint8Array | undefined)[]): void {
    for (const bytes of segments) if (bytes !== undefined) this.#released(bytes);
  }
}
