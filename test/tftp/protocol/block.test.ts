import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromWire, type Rollover, toWire } from '../../../src/tftp/protocol/block.ts';

describe('on the wire', () => {
  test.each<[Rollover, number, number]>([
    [0, 0, 0],
    [0, 1, 1],
    [0, 65535, 65535],
    [0, 65536, 0],
    [0, 65537, 1],
    [0, 131072, 0],
    [1, 0, 0],
    [1, 1, 1],
    [1, 65535, 65535],
    [1, 65536, 1],
    [1, 65537, 2],
    [1, 131070, 65535],
    [1, 131071, 1],
  ])('rollover %i: block %i is %i', (rollover, block, wire) => {
    expect(toWire(block, rollover)).toBe(wire);
  });
});

describe('from the wire', () => {
  test.each<[Rollover, number, number, number]>([
    //rollover, base, wire, block
    [0, 0, 0, 0],
    [0, 65534, 0, 65536],
    [0, 65534, 65534, 65534],
    [0, 65535, 65534, 65535 + 65535],
    [0, 65536, 0, 65536],
    [1, 0, 0, 0],
    [1, 0, 1, 1],
    [1, 1, 0, -1],
    [1, 65535, 1, 65536],
    [1, 65536, 65535, 131070],
    [1, 65536, 0, -1],
  ])('rollover %i: at %i, %i is %i', (rollover, base, wire, block) => {
    expect(fromWire(wire, base, rollover)).toBe(block);
  });

  test('any block within a cycle is found again, and it is the first', () => {
    const rollovers = fc.constantFrom<Rollover>(0, 1);
    fc.assert(
      fc.property(rollovers, fc.nat(10_000_000), fc.nat(65534), (rollover, base, ahead) => {
        expect(fromWire(toWire(base + ahead, rollover), base, rollover)).toBe(base + ahead);
      }),
      // Block 0 exists once: with rollover to 1 nothing ahead of it has its number.
      { examples: [[1, 0, 65534]] },
    );
  });
});
