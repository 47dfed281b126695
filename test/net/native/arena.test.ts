/** Foreign memory is given out within bounds, and what is written into it is what C reads there. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena } from '../../../src/net/native/arena.ts';
import { addressOf, nativeUnavailableReason } from '../../../src/net/native/libc.ts';
import { describeWith } from '../../kit/tools.ts';

describeWith('arena', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test('regions lie within it, apart from each other, aligned, and are all zero', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 40 }), (lengths) => {
        const arena = new Arena(lengths.reduce((sum, length) => sum + length + 15, 16));
        const base = addressOf(arena.bytes);
        let end = 0;
        for (const length of lengths) {
          const region = arena.take(length);
          expect(region.offset).toBeGreaterThanOrEqual(end);
          expect(region.offset % 16).toBe(0);
          expect(region.address).toBe(base + region.offset);
          end = region.offset + length;
          expect(end).toBeLessThanOrEqual(arena.bytes.length);
          expect(arena.bytes.subarray(region.offset, end).every((byte) => byte === 0)).toBe(true);
          arena.bytes.fill(0xff, region.offset, end);
        }
      }),
    );
  });

  test.each([0, -1, 1.5, Number.NaN, 65])('%d bytes of 64: RangeError', (length) => {
    expect(() => new Arena(64).take(length)).toThrow(RangeError);
  });

  test('a full one gives nothing more', () => {
    const arena = new Arena(64);
    arena.take(60);
    expect(() => arena.take(1)).toThrow(RangeError);
  });

  test('pointers and sizes are what C reads', () => {
    const arena = new Arena(64);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 47n - 1n }), fc.nat({ max: 2 ** 31 - 1 }), (address, size) => {
        arena.pointer(8, Number(address));
        arena.size(16, size);
        expect([arena.view.getBigUint64(8, true), arena.view.getBigUint64(16, true)]).toEqual([address, BigInt(size)]);
      }),
    );
  });

  test('an address stays where it is, whatever is collected', async () => {
    const { heapMib } = await import('../../kit/heap.ts');
    const arenas = Array.from({ length: 50 }, () => new Arena(1024));
    const before = arenas.map(({ bytes }) => addressOf(bytes));
    for (let round = 0; round < 5; round++) {
      Array.from({ length: 500 }, () => new Uint8Array(4096));
      heapMib();
    }
    expect(arenas.map(({ bytes }) => addressOf(bytes))).toEqual(before);
  });
});
