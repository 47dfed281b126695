/**
 * The segments that the data thread sends from: lent to transfers, kept for those to come, and given back to the content thread
 * when neither needs them. It does not know who reads them, nor what is in them.
 */
import { SegmentLru } from '../../content/lru.ts';
import { slotBytes, slotNumber } from './segment-pool.ts';

/** Slots that are not needed any more, and how often each was handed out. */
export type GivenBack = readonly { readonly slot: number; readonly uses: number }[];

interface Slot {
  /** Uses that came with messages and were not given back. */
  received: number;
  /** Transfers that hold it. */
  lent: number;
  kept: boolean;
}

export class SegmentShelf {
  readonly #chunks: SharedArrayBuffer[] = [];
  readonly #slots: (Slot | undefined)[] = [];
  readonly #kept: SegmentLru;
  #givenBack: { slot: number; uses: number }[] = [];

  /** @param maxBytes bound of what is kept */
  constructor(maxBytes: number) {
    this.#kept = new SegmentLru(maxBytes, (bytes) => {
      const number = slotNumber(this.#chunks, bytes)!;
      this.#slots[number]!.kept = false;
      this.#settle(number);
    });
  }

  /** A chunk of the pool; they come in order. */
  add(chunk: SharedArrayBuffer): void {
    this.#chunks.push(chunk);
  }

  /** Takes a slot that was handed out, lends it once, and keeps it if it is of a version that others may want. */
  receive(version: string | undefined, index: number, number: number, length: number): Uint8Array {
    const bytes = slotBytes(this.#chunks, number, length);
    this.#slots[number] ??= { received: 0, lent: 0, kept: false };
    const slot = this.#slots[number];
    slot.received++;
    slot.lent++;
    if (version !== undefined && this.#kept.keep(version, index, bytes)) slot.kept = true;
    return bytes;
  }

  /** Lends a segment that is kept. */
  lend(version: string, index: number): Uint8Array | undefined {
    const bytes = this.#kept.get(version, index);
    if (bytes !== undefined) this.#slots[slotNumber(this.#chunks, bytes)!]!.lent++;
    return bytes;
  }

  /** A transfer has let go of bytes. Those that were never lent from here are nobody's business. */
  release(bytes: Uint8Array): void {
    const number = slotNumber(this.#chunks, bytes);
    if (number === undefined) return;
    this.#slots[number]!.lent--;
    this.#settle(number);
  }

  /** What the content thread may use again. Ask only when nothing of it is still to be sent. */
  takeGivenBack(): GivenBack {
    const given = this.#givenBack;
    if (given.length > 0) this.#givenBack = [];
    return given;
  }

  #settle(number: number): void {
    const slot = this.#slots[number]!;
    if (slot.lent > 0 || slot.kept || slot.received === 0) return;
    this.#givenBack.push({ slot: number, uses: slot.received });
    slot.received = 0;
  }
}
