import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimedSize, negotiate, type OptionLimits, parseNumber, type Subject } from '../../../src/tftp/protocol/options.ts';

const LIMITS: OptionLimits = { blockSize: 65464, windowSize: 64, windowBytes: 4 * 1024 ** 2, rollover: 0 };
const reading = (size: number | undefined): Subject => ({ kind: 'read', size });

/** Options and their acknowledgement as `name=value` words. */
function acknowledged(asked: string, subject: Subject = reading(5000), limits: Partial<OptionLimits> = {}): string {
  return agree(asked, subject, limits)
    .acknowledged.map(({ name, value }) => `${name}=${value}`)
    .join(' ');
}

function agree(asked: string, subject: Subject = reading(5000), limits: Partial<OptionLimits> = {}) {
  const options = asked
    .split(' ')
    .filter(Boolean)
    .map((word) => ({ name: word.slice(0, word.indexOf('=')), value: word.slice(word.indexOf('=') + 1) }));
  return negotiate(options, subject, { ...LIMITS, ...limits });
}

describe('values', () => {
  const LONG = '9'.repeat(400);
  // Rows of FIELD 4.3; what each option makes of them. `-`: as if it had not been asked for.
  test.each([
    //value         blksize  windowsize timeout tsize          rollover
    ['0', '-', '-', '-', '5000', '0'],
    ['1', '-', '1', '1', '5000', '1'],
    ['2', '-', '2', '2', '5000', '-'],
    ['7', '-', '7', '7', '5000', '-'],
    ['8', '8', '8', '8', '5000', '-'],
    ['64', '64', '64', '64', '5000', '-'],
    ['65', '65', '64', '65', '5000', '-'],
    ['255', '255', '64', '255', '5000', '-'],
    ['256', '256', '64', '-', '5000', '-'],
    ['65464', '65464', '64', '-', '5000', '-'],
    ['65465', '-', '64', '-', '5000', '-'],
    ['65535', '-', '64', '-', '5000', '-'],
    ['65536', '-', '-', '-', '5000', '-'],
    ['-1', '-', '-', '-', '-', '-'],
    ['+8', '-', '-', '-', '-', '-'],
    [' 8', '-', '-', '-', '-', '-'],
    [' 1468', '-', '-', '-', '-', '-'],
    ['8 ', '-', '-', '-', '-', '-'],
    ['1468x', '-', '-', '-', '-', '-'],
    ['1.5', '-', '-', '-', '-', '-'],
    ['1e3', '-', '-', '-', '-', '-'],
    ['abc', '-', '-', '-', '-', '-'],
    ['0x200', '-', '-', '-', '-', '-'],
    ['٨', '-', '-', '-', '-', '-'],
    ['', '-', '-', '-', '-', '-'],
    ['4294967808', '-', '-', '-', '5000', '-'],
    ['999999999999', '-', '-', '-', '5000', '-'],
    ['9007199254740992', '-', '-', '-', '-', '-'],
    [LONG, '-', '-', '-', '-', '-'],
  ])('%j', (value, ...expected) => {
    const answers = ['blksize', 'windowsize', 'timeout', 'tsize', 'rollover'].map((name) => {
      const { acknowledged } = negotiate([{ name, value }], reading(5000), LIMITS);
      expect(acknowledged.length).toBeLessThanOrEqual(1);
      if (acknowledged[0]) expect(acknowledged[0].name).toBe(name);
      return acknowledged[0]?.value ?? '-';
    });
    expect(answers).toEqual(expected);
  });

  test('what is ignored leaves RFC 1350', () => {
    expect(agree('blksize=7 windowsize=0 timeout=256 rollover=2')).toEqual({
      acknowledged: [],
      blockSize: 512,
      windowSize: 1,
      rollover: 0,
      timeoutMs: undefined,
    });
  });

  test('what is acknowledged is in force', () => {
    expect(agree('blksize=1468 windowsize=4 timeout=5 rollover=1')).toMatchObject({
      blockSize: 1468,
      windowSize: 4,
      rollover: 1,
      timeoutMs: 5000,
    });
  });

  test('no value makes an exception, and none goes unbounded', () => {
    const options = fc.array(
      fc.record({
        name: fc.oneof(fc.constantFrom('blksize', 'windowsize', 'timeout', 'tsize', 'rollover', 'BLKSIZE'), fc.string()),
        value: fc.oneof(fc.nat(70_000).map(String), fc.bigInt().map(String), fc.string()),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(options, (asked) => {
        const { blockSize, windowSize, timeoutMs, acknowledged } = negotiate(asked, reading(1), {
          ...LIMITS,
          windowBytes: 100_000,
        });
        expect(blockSize).toBeGreaterThanOrEqual(8);
        expect(blockSize).toBeLessThanOrEqual(65464);
        expect(windowSize).toBeGreaterThanOrEqual(1);
        expect(windowSize * blockSize).toBeLessThanOrEqual(100_000);
        if (timeoutMs !== undefined) expect([timeoutMs >= 1000, timeoutMs <= 255_000]).toEqual([true, true]);
        // Nothing that was not asked for, nothing twice, nothing out of order.
        const names = asked.map(({ name }) => name);
        const answered = acknowledged.map(({ name }) => name);
        expect(new Set(answered.map((name) => name.toLowerCase())).size).toBe(answered.length);
        let at = -1;
        for (const name of answered) {
          at = names.indexOf(name, at + 1);
          expect(at).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});

describe('the acknowledgement', () => {
  test.each([
    ['is nothing for nothing', '', ''],
    ['keeps the order asked for', 'windowsize=4 blksize=1468 tsize=0', 'windowsize=4 blksize=1468 tsize=5000'],
    [
      'keeps the other order, too',
      'timeout=5 tsize=0 blksize=1468 windowsize=8',
      'timeout=5 tsize=5000 blksize=1468 windowsize=8',
    ],
    ['keeps names byte by byte', 'BlkSize=1468 TSIZE=0 WindowSize=4', 'BlkSize=1468 TSIZE=5000 WindowSize=4'],
    ['leaves unknown options out', 'mstfwindow=31416 blksize=1468 foo=bar', 'blksize=1468'],
    ['leaves multicast with an empty value out', 'tsize=0 blksize=1428 multicast=', 'tsize=5000 blksize=1428'],
    ['leaves out what is invalid, keeps the rest', 'blksize=abc timeout=3', 'timeout=3'],
    ['counts the first of two', 'blksize=1024 blksize=2048', 'blksize=1024'],
    ['counts the first of two, however they are spelt', 'BLKSIZE=1024 blksize=2048', 'BLKSIZE=1024'],
    ['counts the first of two, though it is invalid', 'blksize=7 blksize=2048', ''],
    ['never changes a timeout', 'timeout=256', ''],
    ['knows the rollover option', 'rollover=1', 'rollover=1'],
  ])('%s', (_, asked, expected) => {
    expect(acknowledged(asked)).toBe(expected);
  });
});

describe('tsize', () => {
  test.each<[string, string, Subject, string]>([
    ['is the size', 'tsize=0', reading(1), 'tsize=1'],
    ['is the size whatever was asked', 'tsize=99', reading(1), 'tsize=1'],
    ['has 64 bits', 'tsize=0', reading(5 * 1024 ** 3), 'tsize=5368709120'],
    ['has 64 bits to the end', 'tsize=0', reading(Number.MAX_SAFE_INTEGER), 'tsize=9007199254740991'],
    ['is left out for an empty file, since curl takes 0 for an error', 'tsize=0 blksize=8', reading(0), 'blksize=8'],
    ['is 0 for an empty file if the client did not ask with 0', 'tsize=7', reading(0), 'tsize=0'],
    ['is left out if the size is unknown', 'tsize=0 blksize=8', reading(undefined), 'blksize=8'],
    ['is acknowledged to who writes', 'tsize=3000017', { kind: 'write' }, 'tsize=3000017'],
    ['is acknowledged to who writes nothing', 'tsize=0', { kind: 'write' }, 'tsize=0'],
    ['is ignored in a write request if it is no number', 'tsize=-1', { kind: 'write' }, ''],
  ])('%s', (_, asked, subject, expected) => {
    expect(acknowledged(asked, subject)).toBe(expected);
  });

  test.each([
    ['', undefined],
    ['tsize=0', 0],
    ['TSIZE=17', 17],
    ['tsize=17x', undefined],
    ['tsize=9007199254740992', undefined],
  ])('claimed by %j: %s', (asked, expected) => {
    const options = asked === '' ? [] : [{ name: asked.split('=')[0]!, value: asked.split('=')[1]! }];
    expect(claimedSize(options)).toBe(expected);
  });
});

describe('limits', () => {
  test.each<[string, Partial<OptionLimits>, string, string, number]>([
    ['blksize shrinks', { blockSize: 1428 }, 'blksize=65464', 'blksize=1428', 1],
    ['blksize never grows', { blockSize: 1428 }, 'blksize=1024', 'blksize=1024', 1],
    ['no blksize asked, none given', { blockSize: 1428 }, '', '', 1],
    ['windowsize shrinks', { windowSize: 16 }, 'windowsize=65535', 'windowsize=16', 16],
    ['windowsize never grows', { windowSize: 16 }, 'windowsize=4', 'windowsize=4', 4],
    ['windowsize shrinks to the bytes', { windowBytes: 512 * 10 + 1 }, 'windowsize=64', 'windowsize=10', 10],
    ['… at the block size agreed', { windowBytes: 14_680 }, 'windowsize=64 blksize=1468', 'windowsize=10 blksize=1468', 10],
    [
      '… which has shrunk itself',
      { windowBytes: 10_240, blockSize: 1024 },
      'windowsize=64 blksize=65464',
      'windowsize=10 blksize=1024',
      10,
    ],
    ['one block always fits', { windowBytes: 1000 }, 'windowsize=64 blksize=65464', 'windowsize=1 blksize=65464', 1],
    ['65535 × 65464 is 4 MiB', {}, 'windowsize=65535 blksize=65464', 'windowsize=64 blksize=65464', 64],
  ])('%s', (_, limits, asked, expected, windowSize) => {
    expect(acknowledged(asked, reading(5000), limits)).toBe(expected);
    expect(agree(asked, reading(5000), limits).windowSize).toBe(windowSize);
  });

  test('rollover is the configured one unless the client asks', () => {
    expect(agree('', reading(1), { rollover: 1 }).rollover).toBe(1);
    expect(agree('rollover=0', reading(1), { rollover: 1 }).rollover).toBe(0);
    expect(agree('rollover=2', reading(1), { rollover: 1 }).rollover).toBe(1);
  });
});

test.each([
  ['8', 8, 10, 8],
  ['10', 8, 10, 10],
  ['7', 8, 10, undefined],
  ['11', 8, 10, undefined],
  ['0008', 8, 10, 8],
  ['8\n', 8, 10, undefined],
])('parseNumber(%j, %i, %i) is %s', (value, min, max, expected) => {
  expect(parseNumber(value, min, max)).toBe(expected);
});
