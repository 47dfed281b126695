/**
 * The unit in which content is read, cached and lent, and slices of it.
 */

/** Size of every segment except the last of a content. Larger than any block, so a block spans at most two segments. */
export const SEGMENT_BYTES = 65536;

/** The location of one block's bytes: in one segment, or at the end of one and the start of the next. Reused, so never keep it. */
export interface Slices {
  first: Uint8Array;
  start: number;
  end: number;
  /** The second segment, if the block continues there; its part ends at `secondEnd`. */
  second: Uint8Array | undefined;
  secondEnd: number;
}

const NOTHING = new Uint8Array(0);

export function emptySlices(): Slices {
  return { first: NOTHING, start: 0, end: 0, second: undefined, secondEnd: 0 };
}
