/**
 * The part of a content that a sender has buffered: the segments that it may still have to send, and those requested ahead.
 * Segments come in any order, and are only ever read. This file does not know where they come from.
 */
import { SEGMENT_BYTES, type Slices } from '../../base/segment.ts';

const NOTHING = new Uint8Array(0);

export class Segments {
  /** Bytes in all; `undefined` until known. */
  size: number | undefined;
  /** Index of the first segment buffered. */
  #base = 0;
  /** From `#base` on; `undefined` where a segment was requested and has not come yet. */
  #buffered: (Uint8Array | undefined)[] = [];

  readonly #onRelease: (bytes: Uint8Array) => void;

  /** @param onRelease called with each segment that is no longer buffered: its memory may be used again */
  constructor(size: number | undefined, onRelease: (bytes: Uint8Array) => void = () => {}) {
    this.size = size;
    this.#onRelease = onRelease;
  }

  /** Takes a segment. `last` tells the size where it was not known. */
  supply(index: number, bytes: Uint8Array, last: boolean): void {
    // A segment beyond the end comes back empty, and perhaps first: the earliest end is the end.
    if (last) this.size = Math.min(this.size ?? Number.POSITIVE_INFINITY, index * SEGMENT_BYTES + bytes.length);
    const at = index - this.#base;
    if (at < 0) return this.#onRelease(bytes);
    while (this.#buffered.length <= at) this.#buffered.push(undefined);
    const before = this.#buffered[at];
    if (before !== undefined) this.#onRelease(before);
    this.#buffered[at] = bytes;
  }

  /** The next segment to request so that everything below `offset` is buffered or on its way; -1 if nothing is missing. Each is returned once. */
  wanted(offset: number): number {
    const index = this.#base + this.#buffered.length;
    const start = index * SEGMENT_BYTES;
    if (start >= offset || (this.size !== undefined && start >= this.size)) return -1;
    this.#buffered.push(undefined);
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
    const first = this.#buffered[index - this.#base];
    if (first === undefined) return -1;
    into.first = first;
    into.start = start;
    into.end = Math.min(first.length, start + wanted);
    const rest = wanted - (into.end - start);
    if (rest === 0) return wanted;
    const second = this.#buffered[index - this.#base + 1];
    if (second === undefined || second.length < rest) return -1;
    into.second = second;
    into.secondEnd = rest;
    return wanted;
  }

  /** Forgets everything below `offset`: it was acknowledged. */
  release(offset: number): void {
    const drop = Math.min(Math.floor(offset / SEGMENT_BYTES) - this.#base, this.#buffered.length);
    if (drop <= 0) return;
    this.#giveBack(this.#buffered.splice(0, drop));
    this.#base += drop;
  }

  /** Segments buffered or requested. */
  get buffered(): number {
    return this.#buffered.length;
  }

  /** Before anything is released: keeps a copy of the first bytes in place of everything. */
  shrink(bytes: number): void {
    const first = bytes > 0 ? this.#buffered[0]?.slice(0, bytes) : undefined;
    this.clear();
    if (first !== undefined) this.#buffered.push(first);
  }

  clear(): void {
    this.#giveBack(this.#buffered);
    this.#buffered = [];
  }

  #giveBack(segments: readonly (Uint8Array | undefined)[]): void {
    for (const bytes of segments) if (bytes !== undefined) this.#onRelease(bytes);
  }
}
