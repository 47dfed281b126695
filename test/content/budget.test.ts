/** What two threads keep of files stays within one bound, and neither keeps the other from its half. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CacheBudget } from '../../src/content/budget.ts';
import { ENTRY_BYTES, SegmentLru } from '../../src/content/lru.ts';

const MAX_BYTES = 100_000;

/** Both ends of one budget, each with what it keeps. */
function twoThreads(maxBytes = MAX_BYTES) {
  const budget = new CacheBudget(maxBytes);
  const other = CacheBudget.join(budget.share());
  return { budget, kept: [new SegmentLru(budget), new SegmentLru(other)] as const };
}

test('together they never keep more than the bound, whoever keeps what', () => {
  const step = fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.nat(40), fc.integer({ min: 1, max: 60_000 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { budget, kept } = twoThreads();
      for (const [side, index, length] of steps) {
        kept[side].giveWay();
        kept[side].keep('v', index, new Uint8Array(length));
        expect(kept[0].bytes + kept[1].bytes).toBeLessThanOrEqual(MAX_BYTES);
        expect(budget.used).toBe(kept[0].bytes);
      }
    }),
  );
});

test('one that has all of it gives way to the other, down to half', () => {
  const cost = 1000 + ENTRY_BYTES;
  const { kept } = twoThreads(100 * cost);
  for (let i = 0; i < 100; i++) kept[0].keep('old', i, new Uint8Array(1000));
  expect(kept[0].bytes).toBe(100 * cost);
  for (let i = 0; i < 300; i++) {
    kept[1].keep('new', i, new Uint8Array(1000));
    kept[0].giveWay();
  }
  expect(kept[0].bytes).toBe(50 * cost);
  expect(kept[1].bytes).toBeGreaterThanOrEqual(49 * cost);
});

test('a thread that takes the place of a dead one begins with nothing, and what the dead one does is its own', () => {
  const { budget, kept } = twoThreads();
  kept[0].keep('v', 0, new Uint8Array(20_000));
  kept[1].keep('v', 1, new Uint8Array(70_000));
  expect(budget.take(30_000)).toBe(false);
  CacheBudget.join(budget.share());
  expect(budget.used).toBe(20_000 + ENTRY_BYTES);
  kept[1].evict('v');
  expect(budget.take(MAX_BYTES - 20_000 - ENTRY_BYTES)).toBe(true);
  expect(budget.take(1)).toBe(false);
});
