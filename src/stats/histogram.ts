/**
 * Sizes of things that happened often, as counts in fixed buckets: it costs the same whether a thing happened once or a million times,
 * and what two threads have counted can be summed.
 */

/** Upper bounds of the buckets for times: 10 µs to 500 s in steps of 1, 2, 5. */
export const SECONDS: readonly number[] = Array.from(
  { length: 24 },
  (_, i) => ([1, 2, 5] as const)[i % 3]! * 10 ** (Math.floor(i / 3) - 5),
).map((bound) => Number(bound.toPrecision(1)));

/** The same for sizes: 256 bytes to 16 GiB in powers of four. */
export const BYTES: readonly number[] = Array.from({ length: 14 }, (_, i) => 4 ** (i + 4));

export interface HistogramSnapshot {
  readonly count: number;
  /** Of all values. */
  readonly sum: number;
  /** Upper bounds of the buckets, each included. */
  readonly bounds: readonly number[];
  /** How many values lie in each bucket; one more than there are bounds: the last bucket has none. */
  readonly counts: readonly number[];
  /** Estimates: half of the values were at most this, and so on. `undefined` if there were none. */
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** The bucket that a value lies in. */
export function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= bounds[middle]!) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function histogramSnapshot(bounds: readonly number[], sum: number, counts: readonly number[]): HistogramSnapshot {
  const count = counts.reduce((total, each) => total + each, 0);
  const of = (part: number) => quantileOf(part, bounds, counts);
  return { count, sum, bounds, counts, p50: of(0.5), p90: of(0.9), p99: of(0.99) };
}

/**
 * The value that this part of all values does not exceed: somewhere in the bucket that it lies in, as if the values were spread evenly
 * there. Above the last bound it is the last bound. `undefined` if there are no values.
 */
export function quantileOf(part: number, bounds: readonly number[], counts: readonly number[]): number | undefined {
  const total = counts.reduce((sum, each) => sum + each, 0);
  if (total === 0) return undefined;
  const rank = part * total;
  let below = 0;
  for (const [i, bound] of bounds.entries()) {
    const count = counts[i]!;
    if (count > 0 && below + count >= rank) {
      const from = bounds[i - 1] ?? 0;
      return from + (bound - from) * Math.max(0, (rank - below) / count);
    }
    below += count;
  }
  return bounds.at(-1);
}
