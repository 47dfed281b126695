/** Slots of memory between the content thread, which fills them, and the data thread, which sends from them: never filled while in use. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../src/protocol/segments.ts';
import { CHUNK_SLOTS, SegmentPool } from '../../src/transport/native/segment-pool.ts';
import { SegmentShelf } from '../../src/transport/native/segment-shelf.ts';

/** Both ends, with the messages between them in two queues, as threads have them. */
function ends(maxBytes: number) {
  const toData: ((version: string | undefined) => Uint8Array | undefined)[] = [];
  const shelf = new SegmentShelf(maxBytes);
  const pool = new SegmentPool((chunk) => void toData.push(() => void shelf.add(chunk)));
  const toContent: (() => void)[] = [];
  /** What each slot was filled with last. */
  let fills = 0;
  return {
    pool,
    /** Reads a segment and sends it to so many who wait for it. */
    read(version: string, index: number, waiters: number) {
      const bytes = pool.allocate(SEGMENT_BYTES);
      const mark = ++fills;
      new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0] = mark;
      for (let i = 0; i < waiters; i++) {
        const slot = pool.handOut(bytes);
        toData.push(() => shelf.receive(version, index, slot, bytes.length));
      }
      return mark;
    },
    deliver: () => toData.shift()?.(undefined),
    waiting: () => toData.length,
    lend: (version: string, index: number) => shelf.lend(version, index),
    release: (bytes: Uint8Array) => shelf.release(bytes),
    endRound() {
      const slots = shelf.takeGivenBack();
      toContent.push(() => {
        for (const { slot, uses } of slots) pool.giveBack(slot, uses);
      });
    },
    obey: () => toContent.shift()?.(),
  };
}

const markOf = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];

describe('slots', () => {
  test('are used again, so that a long file takes the memory of a short one', () => {
    const chunks: SharedArrayBuffer[] = [];
    const pool = new SegmentPool((chunk) => void chunks.push(chunk));
    const shelf = new SegmentShelf(8 * SEGMENT_BYTES);
    for (let index = 0; index < 1000; index++) {
      const slot = pool.handOut(pool.allocate(SEGMENT_BYTES));
      while (chunks.length > 0) shelf.add(chunks.shift()!);
      shelf.release(shelf.receive('v', index, slot, SEGMENT_BYTES));
      for (const given of shelf.takeGivenBack()) pool.giveBack(given.slot, given.uses);
    }
    const slots = new Set(Array.from({ length: CHUNK_SLOTS - 8 }, () => pool.handOut(pool.allocate(1))));
    expect(slots.size).toBe(CHUNK_SLOTS - 8);
    expect(chunks).toHaveLength(0);
  });

  test('are not free while a second message about them is on its way', () => {
    const at = ends(0);
    const mark = at.read('v', 0, 2);
    at.deliver();
    at.release(at.deliver()!);
    at.endRound();
    at.obey();
    at.read('v', 1, 1);
    const second = at.deliver()!;
    expect(markOf(second)).toBe(mark);
  });

  test.each([
    ['longer than a segment', (pool: SegmentPool) => pool.allocate(SEGMENT_BYTES + 1)],
    ['of other memory', (pool: SegmentPool) => pool.handOut(new Uint8Array(8))],
    ['given back too often', (pool: SegmentPool) => pool.giveBack(pool.handOut(pool.allocate(8)), 2)],
  ])('%s: a mistake in the program is thrown', (_, wrong) => {
    expect(() => wrong(new SegmentPool(() => {}))).toThrow(RangeError);
  });

  test('whatever the order of messages, what a transfer holds is what was read for it', () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('read' as const),
          version: fc.constantFrom('a', 'b'),
          index: fc.nat(5),
          waiters: fc.integer({ min: 1, max: 3 }),
        }),
      },
      { weight: 8, arbitrary: fc.constant({ do: 'deliver' as const }) },
      {
        weight: 3,
        arbitrary: fc.record({ do: fc.constant('lend' as const), version: fc.constantFrom('a', 'b'), index: fc.nat(5) }),
      },
      { weight: 8, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
      { weight: 4, arbitrary: fc.constant({ do: 'endRound' as const }) },
      { weight: 4, arbitrary: fc.constant({ do: 'obey' as const }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(6), (steps, kept) => {
        const at = ends(kept * (SEGMENT_BYTES + 512));
        const held: { bytes: Uint8Array; mark: number }[] = [];
        const hold = (bytes: Uint8Array | undefined) => {
          if (bytes) held.push({ bytes, mark: markOf(bytes)! });
        };
        for (const one of steps) {
          if (one.do === 'read') at.read(one.version, one.index, one.waiters);
          else if (one.do === 'deliver') hold(at.deliver());
          else if (one.do === 'lend') hold(at.lend(one.version, one.index));
          else if (one.do === 'release') {
            const [gone] = held.splice(one.which % Math.max(1, held.length), 1);
            if (gone) at.release(gone.bytes);
          } else if (one.do === 'endRound') at.endRound();
          else at.obey();
          for (const { bytes, mark } of held) expect(markOf(bytes)).toBe(mark);
        }
      }),
      { numRuns: 300 },
    );
  });
});
