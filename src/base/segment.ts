/**
 * The unit in which the bytes of contents are read, kept and lent, and the way to point at some of them.
 */

/** Every segment of a content but its last has this many bytes. Larger than any block, so a block touches two at most. */
export const SEGMENT_BYTES = 65536;

/** Where the bytes of one block lie: in one segment, or at the end of one and the start of the next. Reused, never kept. */
export interface Slices {
  first: Uint8Array;
  start: number;
  end: number;
  /** The second segment, if the block goes on there from its first byte to `secondEnd`. */
  second: Uint8Array | undefined;
  secondEnd: number;
}

const NOTHING = new Uint8Array(0);

export function emptySlices(): Slices {
  return { first: NOTHING, start: 0, end: 0, second: undefined, secondEnd: 0 };
}
