import { expect, test } from 'vitest';
import { FreeSpace } from '../../src/content/free-space.ts';
import { outcome } from './fixture.ts';

const FULL = 'ERROR 3 disk full or allocation exceeded';
const GIB = 1024 ** 3;

function disk(freeBytes: number, totalBytes: number, keepFreeBytes?: number) {
  const state = { freeBytes, now: 0, asked: 0 };
  const clock = { now: () => state.now, wallTime: () => 0, setTimeout: () => () => {} };
  const fileSystem = {
    space: async () => {
      state.asked++;
      return { freeBytes: state.freeBytes, totalBytes };
    },
  };
  const space = new FreeSpace({ dir: '/srv/uploads', fileSystem, clock, keepFreeBytes });
  return { state, take: (bytes: number) => outcome(space.take(bytes)) };
}

test.each([
  { what: 'a gibibyte of a large disk stays free', total: 100 * GIB, free: GIB + 100, keep: undefined },
  { what: 'a tenth of a small one', total: 1000, free: 200, keep: undefined },
  { what: 'what the config says', total: 1000, free: 150, keep: 50 },
])('$what', async ({ total, free, keep }) => {
  const { take } = disk(free, total, keep);
  expect([await take(60), await take(60), await take(40), await take(1)]).toEqual([undefined, FULL, undefined, FULL]);
});

test('uploads at the same moment are counted together, and the disk is asked once', async () => {
  const { take, state } = disk(200, 1000);
  const taken = await Promise.all(Array.from({ length: 20 }, () => take(10)));
  expect(taken.filter((one) => one === undefined)).toHaveLength(10);
  expect(state.asked).toBe(1);
});

test('room that others have made counts a second later', async () => {
  const { take, state } = disk(100, 1000);
  expect(await take(1)).toBe(FULL);
  state.freeBytes = 500;
  state.now = 1_000;
  expect(await take(1)).toBe(undefined);
});
