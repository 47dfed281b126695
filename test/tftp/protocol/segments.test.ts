import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptySlices, SEGMENT_BYTES, type Slices } from '../../../src/base/segment.ts';
import { Segments } from '../../../src/tftp/protocol/segments.ts';
import { pattern } from '../../kit/bench.ts';

const CONTENT = pattern(5 * SEGMENT_BYTES + 1000);

function bytesOf({ first, start, end, second, secondEnd }: Slices): Uint8Array {
  return Buffer.concat([first.subarray(start, end), ...(second ? [second.subarray(0, secondEnd)] : [])]);
}

const segment = (index: number, size: number) =>
  CONTENT.subarray(index * SEGMENT_BYTES, Math.min(size, (index + 1) * SEGMENT_BYTES));

test('any block of any content is what the content has there, and no more is held than the window needs', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: 0, max: CONTENT.length }),
        fc.constantFrom(0, 1, SEGMENT_BYTES, 2 * SEGMENT_BYTES, SEGMENT_BYTES + 1),
      ),
      fc.oneof(fc.integer({ min: 8, max: 65464 }), fc.constantFrom(512, 1024, 1468, 65464)).filter((block) => block >= 300),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      fc.infiniteStream(fc.nat(7)),
      (size, blockSize, windowSize, known, dice) => {
        const segments = new Segments(known ? size : undefined);
        const out = emptySlices();
        const asked: number[] = [];
        const received: Uint8Array[] = [];
        let ended = false;
        for (let offset = 0; !ended; offset += blockSize * windowSize) {
          segments.release(offset);
          const horizon = offset + blockSize * windowSize;
          for (let index = segments.wanted(horizon); index >= 0; index = segments.wanted(horizon)) asked.push(index);
          expect(segments.buffered).toBeLessThanOrEqual(Math.ceil((blockSize * windowSize) / SEGMENT_BYTES) + 1);
          for (let block = 0; block < windowSize && !ended; block++) {
            let length = segments.slice(offset + block * blockSize, blockSize, out);
            // Segments come late, and in any order.
            while (length < 0) {
              const [index] = asked.splice((dice.next().value as number) % asked.length, 1);
              segments.supply(index!, segment(index!, size), (index! + 1) * SEGMENT_BYTES > size);
              length = segments.slice(offset + block * blockSize, blockSize, out);
            }
            const bytes = bytesOf(out);
            expect(bytes.length).toBe(length);
            received.push(bytes);
            ended = length < blockSize;
          }
        }
        expect(Buffer.compare(Buffer.concat(received), CONTENT.subarray(0, size))).toBe(0);
        expect(segments.size).toBe(size);
      },
    ),
  );
});

describe('one at a time', () => {
  test('each segment is asked for once, and none behind the end', () => {
    const segments = new Segments(2 * SEGMENT_BYTES + 1);
    expect([1, 2, 3, 4].map(() => segments.wanted(1e9))).toEqual([0, 1, 2, -1]);
  });

  test('a content that ends on a border has nothing behind it', () => {
    const segments = new Segments(SEGMENT_BYTES);
    expect([segments.wanted(1e9), segments.wanted(1e9)]).toEqual([0, -1]);
  });

  test('nothing is asked for at or above the offset', () => {
    const segments = new Segments(undefined);
    expect(segments.wanted(0)).toBe(-1);
    expect(segments.wanted(1)).toBe(0);
    expect(segments.wanted(SEGMENT_BYTES)).toBe(-1);
    expect(segments.wanted(SEGMENT_BYTES + 1)).toBe(1);
  });

  test('an unknown size is told by the last segment, also by an empty one', () => {
    const segments = new Segments(undefined);
    segments.supply(0, segment(0, CONTENT.length), false);
    expect(segments.size).toBeUndefined();
    segments.supply(1, new Uint8Array(0), true);
    expect(segments.size).toBe(SEGMENT_BYTES);
    const out = emptySlices();
    expect(segments.slice(SEGMENT_BYTES, 512, out)).toBe(0);
    expect(segments.slice(SEGMENT_BYTES - 8, 512, out)).toBe(8);
  });

  test('a block whose second half is not here yet is not here', () => {
    const segments = new Segments(2 * SEGMENT_BYTES);
    const out = emptySlices();
    segments.supply(0, segment(0, CONTENT.length), false);
    expect(segments.slice(SEGMENT_BYTES - 100, 512, out)).toBe(-1);
    segments.supply(1, segment(1, CONTENT.length), false);
    expect(segments.slice(SEGMENT_BYTES - 100, 512, out)).toBe(512);
    expect(Buffer.compare(bytesOf(out), CONTENT.subarray(SEGMENT_BYTES - 100, SEGMENT_BYTES + 412))).toBe(0);
  });

  test('what was released stays away, though it is supplied late', () => {
    const segments = new Segments(CONTENT.length);
    segments.wanted(1);
    segments.release(SEGMENT_BYTES);
    segments.supply(0, segment(0, CONTENT.length), false);
    expect(segments.buffered).toBe(0);
    expect(segments.slice(0, 512, emptySlices())).toBe(-1);
    expect(segments.wanted(SEGMENT_BYTES + 1)).toBe(1);
  });

  test('a segment of which bytes are left to send is not released', () => {
    const segments = new Segments(CONTENT.length);
    segments.supply(0, segment(0, CONTENT.length), false);
    segments.release(SEGMENT_BYTES - 1);
    expect(segments.buffered).toBe(1);
    segments.release(SEGMENT_BYTES);
    expect(segments.buffered).toBe(0);
  });
});
