/** Long work in slices, by a clock that stands still unless the work moves it. */
import { expect, test } from 'vitest';
import { inSlices, Slices } from '../../src/base/time-slices.ts';

function clock() {
  const seen = { now: 0, rests: [] as number[] };
  const slices = new Slices({
    ms: 10,
    now: () => seen.now,
    rest: async () => {
      seen.rests.push(seen.now);
      // What others do takes time as well.
      seen.now += 100;
    },
  });
  return { seen, slices };
}

test.each([
  ['work that takes no time', 0, 100, []],
  ['less than a slice', 1, 9, []],
  ['a slice', 1, 10, [10]],
  ['three of them', 5, 6, [10, 120, 230]],
  ['items longer than a slice', 25, 3, [25, 150, 275]],
])('%s: %i ms for each of %i', async (_, ms, count, rests) => {
  const { seen, slices } = clock();
  const done: number[] = [];
  const work = (item: number) => {
    seen.now += ms;
    done.push(item);
  };
  await inSlices(Array.from({ length: count }).keys(), work, slices);
  expect(done).toHaveLength(count);
  expect(seen.rests).toEqual(rests);
});

test('by default others run between two slices', async () => {
  let others = 0;
  const other = () => {
    others++;
    timer = setImmediate(other);
  };
  let timer = setImmediate(other);
  await inSlices([1, 2, 3], () => {}, new Slices({ ms: 0 }));
  clearImmediate(timer);
  expect(others).toBeGreaterThanOrEqual(2);
});

test('what throws ends it', async () => {
  const work = () => {
    throw new Error('no');
  };
  await expect(inSlices([1], work)).rejects.toThrow('no');
});
