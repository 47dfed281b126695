/**
 * The segments that the data thread sends from: lent to transfers, and kept for those to come. Their slots are used again and again,
 * since memory that was never touched before costs more than reading into it. It does not know who reads the files.
 *
 * A slot is free, or being filled, or holds a segment: lent, kept, or both. When it is neither any more it is free again with the
 * next round, since what was let go of in this one may still be to be sent.
 */

import { SEGMENT_BYTES } from '../../../base/segment.ts';
import type { CacheBudget } from '../../../content/budget.ts';
import { Holders } from '../../../content/holders.ts';
import { ENTRY_BYTES, SegmentLru } from '../../../content/lru.ts';
import { CHUNK_SLOTS, Slots } from './slots.ts';

interface Segment {
  /** Transfers that hold it. */
  lent: number;
  kept: boolean;
}

export class SegmentShelf {
  readonly #grown: (chunk: SharedArrayBuffer) => void;
  readonly #resized: (bytes: number) => void;
  readonly #slots = new Slots();
  readonly #segments: (Segment | undefined)[] = [];
  readonly #free: number[] = [];
  /** Free with the next round. */
  readonly #left: number[] = [];
  readonly #kept: SegmentLru;
  readonly #holders: Holders;

  /**
   * @param budget what is kept is drawn from it
   * @param grown told each new chunk, before a slot of it is given out
   * @param resized told how many bytes are kept now
   * @param holders of memory that is not the shelf's: it is one of them as long as it keeps a file of one segment
   */
  constructor(
    budget: CacheBudget,
    grown: (chunk: SharedArrayBuffer) => void,
    resized: (bytes: number) => void = () => {},
    holders = new Holders(),
  ) {
    this.#grown = grown;
    this.#resized = resized;
    this.#holders = holders;
    const dropped = (bytes: Uint8Array): void => {
      resized(this.#kept.bytes);
      const slot = this.#slots.slotOf(bytes);
      if (slot === undefined) return holders.release(bytes);
      this.#segments[slot]!.kept = false;
      this.#settle(slot);
    };
    // The last segment of a file takes a whole slot, however short it is; a file that came whole takes what it has.
    const costOf = (bytes: Uint8Array) => ENTRY_BYTES + (this.#slots.slotOf(bytes) === undefined ? bytes.length : SEGMENT_BYTES);
    this.#kept = new SegmentLru(budget, dropped, costOf);
  }

  /** A free slot. Fill it, or give it back. */
  take(): number {
    if (this.#free.length === 0) this.#grow();
    return this.#free.pop()!;
  }

  /** Where to put `length` bytes. */
  bytes(slot: number, length: number): Uint8Array {
    return this.#slots.bytes(slot, length);
  }

  /** A slot that could not be filled. */
  giveBack(slot: number): void {
    if (this.#segments[slot] !== undefined) throw new RangeError(`slot ${slot} holds a segment`);
    this.#free.push(slot);
  }

  /** The slot now holds a segment with this many borrowers. It is kept for others. */
  fill(slot: number, length: number, version: string, index: number, lent: number): Uint8Array {
    if (this.#segments[slot] !== undefined) throw new RangeError(`slot ${slot} holds a segment already`);
    const bytes = this.#slots.bytes(slot, length);
    const kept = this.#kept.keep(version, index, bytes);
    if (kept) this.#resized(this.#kept.bytes);
    this.#segments[slot] = { lent, kept };
    this.#settle(slot);
    return bytes;
  }

  /** Keeps a file of one segment that lies in memory of its own. */
  keepWhole(version: string, bytes: Uint8Array): void {
    if (!this.#kept.keep(version, 0, bytes)) return;
    this.#resized(this.#kept.bytes);
    this.#holders.hold(bytes);
  }

  /** Lends a segment that is kept. */
  lend(version: string, index: number): Uint8Array | undefined {
    const bytes = this.#kept.get(version, index);
    if (bytes === undefined) return undefined;
    const slot = this.#slots.slotOf(bytes);
    if (slot === undefined) this.#holders.hold(bytes);
    else this.#segments[slot]!.lent++;
    return bytes;
  }

  /** A transfer has released bytes. Bytes that were not lent from here are ignored. */
  release(bytes: Uint8Array): void {
    const slot = this.#slots.slotOf(bytes);
    const segment = slot === undefined ? undefined : this.#segments[slot];
    if (slot === undefined || segment === undefined) return;
    segment.lent--;
    this.#settle(slot);
  }

  /** Everything that was to be sent is sent. */
  endRound(): void {
    this.#kept.giveWay();
    while (this.#left.length > 0) this.#free.push(this.#left.pop()!);
  }

  #settle(slot: number): void {
    const { lent, kept } = this.#segments[slot]!;
    if (lent > 0 || kept) return;
    this.#segments[slot] = undefined;
    this.#left.push(slot);
  }

  #grow(): void {
    const chunk = new SharedArrayBuffer(CHUNK_SLOTS * SEGMENT_BYTES);
    const first = this.#slots.add(chunk);
    // The first slots go first: the last ones may never be touched.
    for (let slot = first + CHUNK_SLOTS - 1; slot >= first; slot--) this.#free.push(slot);
    this.#grown(chunk);
  }
}
