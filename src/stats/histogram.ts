/**
 * Histograms with fixed buckets: memory does not grow with the number of values, and histograms of two threads can be added.
 */

/** Bucket bounds for durations: 10 µs to 500 s in steps of 1, 2, 5. */
export const SECONDS: readonly number[] = Array.from(
  { length: 24 },
  (_, i) => ([1, 2, 5] as const)[i % 3]! * 10 ** (Math.floor(i / 3) - 5),
).map((bound) => Number(bound.toPrecision(1)));

/** Bucket bounds for sizes: 256 bytes to 16 GiB in powers of four. */
export const BYTES: readonly number[] = Array.from({ length: 14 }, (_, i) => 4 ** (i + 4));

export interface HistogramSnapshot {
  readonly count: number;
  /** Sum of all values. */
  readonly sum: number;
  /** Inclusive upper bounds of the buckets. */
  readonly bounds: readonly number[];
  /** Number of values in each bucket; one entry more than `bounds`, as the last bucket is unbounded. */
  readonly counts: readonly number[];
  /** Estimated quantiles; `undefined` if there are no values. */
  readonly p50: number | undefined;
  readonly p90: number | undefined;
  readonly p99: number | undefined;
}

/** Index of the bucket that contains a value. */
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
 * Estimates a quantile by linear interpolation within its bucket, or the last bound if it is above that. `undefined` if there
 * are no values.
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
