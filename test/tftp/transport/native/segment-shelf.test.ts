/** Slots of memory between whoever fills them and the data thread, which sends from them: never filled while in use. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../../src/base/segment.ts';
import { CacheBudget } from '../../../../src/content/budget.ts';
import { SegmentShelf } from '../../../../src/tftp/transport/native/segment-shelf.ts';
import { CHUNK_SLOTS, Slots } from '../../../../src/tftp/transport/native/slots.ts';

const COST = SEGMENT_BYTES + 512;

function mark(bytes: Uint8Array, value: number): void {
  new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0] = value;
}

const markOf = (bytes: Uint8Array) => new Uint32Array(bytes.buffer, bytes.byteOffset, 1)[0];

describe('slots', () => {
  test('are used again, so that a long file takes the memory of a short one', () => {
    let chunks = 0;
    const shelf = new SegmentShelf(new CacheBudget(8 * COST), () => chunks++);
    for (let index = 0; index < 1000; index++) {
      shelf.release(shelf.fill(shelf.take(), SEGMENT_BYTES, 'v', index, 1));
      shelf.endRound();
    }
    const free = new Set(Array.from({ length: CHUNK_SLOTS - 8 }, () => shelf.take()));
    expect(free.size).toBe(CHUNK_SLOTS - 8);
    expect(chunks).toBe(1);
    shelf.take();
    expect(chunks).toBe(2);
  });

  test('are not free before the end of the round in which they were let go of', () => {
    const shelf = new SegmentShelf(new CacheBudget(0), () => {});
    const slot = shelf.take();
    shelf.release(shelf.fill(slot, 8, 'v', 0, 1));
    expect(shelf.take()).not.toBe(slot);
    shelf.endRound();
    expect(shelf.take()).toBe(slot);
  });

  test('of a segment that nobody waits for any more, and that is not kept, are free again', () => {
    const shelf = new SegmentShelf(new CacheBudget(0), () => {});
    const slot = shelf.take();
    shelf.fill(slot, 8, 'v', 0, 0);
    shelf.endRound();
    expect(shelf.take()).toBe(slot);
  });

  test('bytes that lie elsewhere are nobody’s business', () => {
    const shelf = new SegmentShelf(new CacheBudget(0), () => {});
    shelf.release(new Uint8Array(8));
    shelf.endRound();
    expect(shelf.take()).toBe(0);
  });

  test.each([
    ['longer than a segment', (shelf: SegmentShelf) => shelf.bytes(shelf.take(), SEGMENT_BYTES + 1)],
    ['of no chunk', (shelf: SegmentShelf) => shelf.bytes(CHUNK_SLOTS, 1)],
    ['filled twice', (shelf: SegmentShelf) => [0, 1].map(() => shelf.fill(0, 8, 'v', 0, 1))],
    [
      'given back when filled',
      (shelf: SegmentShelf) => {
        shelf.fill(0, 8, 'v', 0, 1);
        shelf.giveBack(0);
      },
    ],
  ])('%s: a mistake in the program is thrown', (_, wrong) => {
    const shelf = new SegmentShelf(new CacheBudget(COST), () => {});
    shelf.giveBack(shelf.take());
    expect(() => wrong(shelf)).toThrow(RangeError);
  });

  test('both threads mean the same bytes by a number', () => {
    const there = new Slots();
    const shelf = new SegmentShelf(new CacheBudget(0), (chunk) => there.add(chunk));
    const slots = Array.from({ length: CHUNK_SLOTS + 1 }, () => shelf.take());
    for (const slot of slots) mark(there.bytes(slot, 4), slot + 1);
    for (const slot of slots) expect(markOf(shelf.bytes(slot, 4))).toBe(slot + 1);
  });

  test('whatever the order of things, what a transfer holds is what was read for it', () => {
    const segment = { version: fc.constantFrom('a', 'b'), index: fc.nat(5) };
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('fill' as const), ...segment, lent: fc.nat(3) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('giveBack' as const) }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('lend' as const), ...segment }) },
      { weight: 8, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat() }) },
      { weight: 3, arbitrary: fc.record({ do: fc.constant('endRound' as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(6), (steps, kept) => {
        const shelf = new SegmentShelf(new CacheBudget(kept * COST), () => {});
        let fills = 0;
        const taken: number[] = [];
        const held: { bytes: Uint8Array; value: number }[] = [];
        /** Let go of, and perhaps still to be sent. */
        let leaving: { bytes: Uint8Array; value: number }[] = [];
        for (const one of steps) {
          if (one.do === 'take') {
            const slot = shelf.take();
            taken.push(slot);
            mark(shelf.bytes(slot, SEGMENT_BYTES), ++fills);
          } else if (one.do === 'fill') {
            const slot = taken.shift();
            if (slot === undefined) continue;
            const bytes = shelf.fill(slot, SEGMENT_BYTES, one.version, one.index, one.lent);
            for (let i = 0; i < one.lent; i++) held.push({ bytes, value: markOf(bytes)! });
          } else if (one.do === 'giveBack') {
            const slot = taken.pop();
            if (slot !== undefined) shelf.giveBack(slot);
          } else if (one.do === 'lend') {
            const bytes = shelf.lend(one.version, one.index);
            if (bytes) held.push({ bytes, value: markOf(bytes)! });
          } else if (one.do === 'release') {
            const [gone] = held.splice(one.which % Math.max(1, held.length), 1);
            if (!gone) continue;
            shelf.release(gone.bytes);
            leaving.push(gone);
          } else {
            shelf.endRound();
            leaving = [];
          }
          for (const { bytes, value } of [...held, ...leaving]) expect(markOf(bytes)).toBe(value);
        }
      }),
      { numRuns: 300 },
    );
  });
});
