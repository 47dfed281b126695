import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ENTRY_BYTES, SegmentCache } from '../../src/content/cache.ts';
import { Turns } from '../../src/content/turns.ts';

const LENGTH = 1000;
const COST = LENGTH + ENTRY_BYTES;

function filler(value: number) {
  return async (into: Uint8Array) => void into.fill(value);
}

const never = () => Promise.reject(new Error('not to be read'));

test('what is loaded once is there at once, the very same bytes', async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST });
  const loaded = await cache.load('v', 0, LENGTH, filler(7));
  expect(loaded).toEqual(new Uint8Array(LENGTH).fill(7));
  expect(cache.load('v', 0, LENGTH, never)).toBe(loaded);
  expect(cache.get('v', 0)).toBe(loaded);
  expect(cache.get('v', 1)).toBeUndefined();
  expect(cache.get('w', 0)).toBeUndefined();
});

test('the least recently used go first', async () => {
  const cache = new SegmentCache({ maxBytes: 3 * COST });
  for (const index of [0, 1, 2]) await cache.load('v', index, LENGTH, filler(index));
  cache.get('v', 0);
  await cache.load('v', 3, LENGTH, filler(3));
  expect([0, 1, 2, 3].map((index) => cache.get('v', index) !== undefined)).toEqual([true, false, true, true]);
  expect(cache.bytes).toBe(3 * COST);
});

test('bytes kept never exceed the bound, and are counted right', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 3000 }), fc.boolean())), async (steps) => {
      const cache = new SegmentCache({ maxBytes: 5000 });
      const lengths = new Map<number, number>();
      for (const [index, length, evict] of steps) {
        if (evict) cache.evict(`v${index}`);
        else if (cache.get(`v${index}`, 0) === undefined) {
          await cache.load(`v${index}`, 0, length, filler(1));
          lengths.set(index, length);
        }
        expect(cache.bytes).toBeLessThanOrEqual(5000);
        const kept = [...lengths].filter(([at]) => cache.get(`v${at}`, 0) !== undefined);
        expect(cache.bytes).toBe(kept.reduce((sum, [, bytes]) => sum + bytes + ENTRY_BYTES, 0));
      }
    }),
  );
});

test('a segment larger than the bound is handed out and not kept', async () => {
  const cache = new SegmentCache({ maxBytes: COST - 1 });
  expect((await cache.load('v', 0, LENGTH, filler(1))).length).toBe(LENGTH);
  expect(cache.get('v', 0)).toBeUndefined();
  expect(cache.bytes).toBe(0);
});

test('a thousand that want the same segment read it once', async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST });
  let reads = 0;
  const fill = async (into: Uint8Array) => {
    reads++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    into.fill(9);
  };
  const all = await Promise.all(Array.from({ length: 1000 }, () => cache.load('v', 0, LENGTH, fill)));
  expect(reads).toBe(1);
  expect(new Set(all).size).toBe(1);
});

test('a load is not to be seen before its check has passed, and a failed one is not kept', async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST });
  let fail = (_: Error) => {};
  const load = cache.load('v', 0, LENGTH, (into) => {
    into.fill(1);
    return new Promise((_, reject) => {
      fail = reject;
    });
  });
  expect(cache.get('v', 0)).toBeUndefined();
  fail(new Error('changed'));
  await expect(load).rejects.toThrow('changed');
  expect(cache.bytes).toBe(0);
  expect((await cache.load('v', 0, LENGTH, filler(2)))[0]).toBe(2);
});

test("another transfer's failure is not mine: who waited for it tries for himself", async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST });
  const first = cache.load('v', 0, LENGTH, () => Promise.reject(new Error('his descriptor')));
  const second = cache.load('v', 0, LENGTH, filler(2));
  const third = cache.load('v', 0, LENGTH, () => Promise.reject(new Error('my own')));
  await expect(first).rejects.toThrow('his descriptor');
  expect((await second)[0]).toBe(2);
  await expect(third).rejects.toThrow('my own');
  expect(cache.bytes).toBe(COST);
});

test('evict forgets one version and no other', async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST });
  for (const key of ['1', '11']) for (const index of [0, 1]) await cache.load(key, index, LENGTH, filler(1));
  cache.evict('1');
  expect([cache.get('1', 0), cache.get('1', 1)]).toEqual([undefined, undefined]);
  expect(cache.get('11', 1)).toBeDefined();
  expect(cache.bytes).toBe(2 * COST);
});

test('segments lie where the transport wants them', async () => {
  const cache = new SegmentCache({ maxBytes: 10 * COST, allocate: (length) => new Uint8Array(new SharedArrayBuffer(length)) });
  expect((await cache.load('v', 0, LENGTH, filler(1))).buffer).toBeInstanceOf(SharedArrayBuffer);
});

const LARGE = 8192;
const ROOM_FOR_ONE = LARGE + ENTRY_BYTES;

test('a segment that is not kept any more is freed when all who got it have released it', async () => {
  const cache = new SegmentCache({ maxBytes: ROOM_FOR_ONE });
  const got = [await cache.load('v', 0, LARGE, filler(1)), cache.get('v', 0)!];
  await cache.load('w', 0, LARGE, filler(2));
  for (const bytes of got) {
    expect(bytes[LARGE - 1]).toBe(1);
    cache.release(bytes);
  }
  expect(got.map(({ length }) => length)).toEqual([0, 0]);
});

test('a segment that all have released stays as long as it is kept', async () => {
  const cache = new SegmentCache({ maxBytes: ROOM_FOR_ONE });
  cache.release(await cache.load('v', 0, LARGE, filler(1)));
  const again = cache.get('v', 0)!;
  expect(again[LARGE - 1]).toBe(1);
  cache.release(again);
  await cache.load('w', 0, LARGE, filler(2));
  expect(again.length).toBe(0);
});

test('each of those who waited for one read holds what it brought', async () => {
  const cache = new SegmentCache({ maxBytes: 0 });
  const got = await Promise.all([1, 2, 3].map(() => cache.load('v', 0, LARGE, filler(1))));
  cache.release(got[0]!);
  cache.release(got[1]!);
  expect(got[2]![LARGE - 1]).toBe(1);
});

test('a caller that asks just after a read has ended gets bytes of its own', async () => {
  // Nothing is kept: a caller that is too late to share the read must read again.
  const cache = new SegmentCache({ maxBytes: 0 });
  const { promise: read, resolve } = Promise.withResolvers<void>();
  const first = cache.load('v', 0, 2048, () => read);
  // Runs after the load has gone on, and before its caller has.
  const second = read.then(() => cache.load('v', 0, 2048, filler(2)));
  resolve();
  cache.release(await first);
  expect(await second).toEqual(new Uint8Array(2048).fill(2));
});

test('a segment that somebody may look at for ever stays when it is not kept any more', async () => {
  const cache = new SegmentCache({ maxBytes: ROOM_FOR_ONE });
  const plugin = await cache.load('v', 0, LARGE, filler(1));
  cache.release(cache.get('v', 0)!);
  await cache.load('w', 0, LARGE, filler(2));
  expect(plugin[LARGE - 1]).toBe(1);
});

test('what waits for its turn to be read has no memory yet', async () => {
  let taken = 0;
  const allocate = (length: number) => {
    taken++;
    return new Uint8Array(length);
  };
  const cache = new SegmentCache({ maxBytes: 0, allocate });
  const turns = new Turns(2);
  const reads = Array.from({ length: 100 }, () => Promise.withResolvers<void>());
  const loads = reads.map(({ promise }, n) => cache.load(`v${n}`, 0, LENGTH, () => promise, turns));
  await Promise.resolve();
  expect(taken).toBe(2);
  reads[1]!.reject(new Error('unreadable'));
  await expect(loads[1]).rejects.toThrow('unreadable');
  expect(taken).toBe(3);
  for (const { resolve } of reads) resolve();
  await Promise.allSettled(loads);
  expect(taken).toBe(100);
});
