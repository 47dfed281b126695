import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BYTES, bucketOf, histogramSnapshot, quantileOf, SECONDS } from '../../src/stats/histogram.ts';

const SCALES = [
  ['seconds', SECONDS, 0.00001, 500],
  ['bytes', BYTES, 256, 16 * 1024 ** 3],
] as const;

test.each(SCALES)('the bounds of %s rise by steps of at most four', (_, bounds, first, last) => {
  expect([bounds[0], bounds.at(-1)]).toEqual([first, last]);
  bounds.slice(1).forEach((bound, i) => {
    const step = bound / bounds[i]!;
    expect(step).toBeGreaterThan(1.9);
    expect(step).toBeLessThan(4.1);
  });
});

test('1-2-5 steps are exact, not sums of rounding errors', () => {
  expect(SECONDS.slice(0, 7)).toEqual([0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001]);
});

test.each([
  ['below the first bound', 0, 0],
  ['on a bound, which belongs to its bucket', 1, 0],
  ['between two', 1.5, 1],
  ['on the last bound', 10, 2],
  ['above all', 11, 3],
  ['endless', Number.POSITIVE_INFINITY, 3],
])('a value %s has one bucket', (_, value, bucket) => {
  expect(bucketOf([1, 2, 10], value)).toBe(bucket);
});

test('a quantile lies in the bucket of the value that it stands for, and never falls as the part rises', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 10 }),
      (values, parts) => {
        const counts = Array<number>(SECONDS.length + 1).fill(0);
        for (const value of values) counts[bucketOf(SECONDS, value)]!++;
        const sorted = values.toSorted((a, b) => a - b);
        let before = 0;
        for (const part of parts.toSorted((a, b) => a - b)) {
          const estimate = quantileOf(part, SECONDS, counts)!;
          const real = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
          const bucket = bucketOf(SECONDS, real);
          expect(estimate).toBeGreaterThanOrEqual(SECONDS[bucket - 1] ?? 0);
          expect(estimate).toBeLessThanOrEqual(SECONDS[bucket] ?? SECONDS.at(-1)!);
          expect(estimate).toBeGreaterThanOrEqual(before);
          before = estimate;
        }
      },
    ),
  );
});

test('values spread evenly over a bucket have the quantiles of even values', () => {
  const { p50, p90, p99, count } = histogramSnapshot([100], 5000, [100, 0]);
  expect([p50, p90, p99, count]).toEqual([50, 90, 99, 100]);
});

test('nothing has no quantile', () => {
  expect(histogramSnapshot([1], 0, [0, 0])).toEqual({
    ...{ count: 0, sum: 0, bounds: [1], counts: [0, 0] },
    ...{ p50: undefined, p90: undefined, p99: undefined },
  });
});
