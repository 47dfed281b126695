import { expect, test } from 'vitest';
import { type AskedOptions, judge, requestOptions } from '../../../src/tftp/client/options.ts';

const EVERYTHING: AskedOptions = { transferSize: 0, blockSize: 1468, windowSize: 16, timeoutSeconds: 3, rollover: 1 };

const given = (text: string) =>
  text.split(' ').map((pair) => ({ name: pair.split('=')[0]!, value: pair.slice(pair.indexOf('=') + 1) }));

test('asks for what is given, and for nothing else', () => {
  expect(requestOptions({})).toEqual([]);
  expect(requestOptions(EVERYTHING)).toEqual(given('tsize=0 blksize=1468 windowsize=16 timeout=3 rollover=1'));
  expect(requestOptions({ timeoutSeconds: 5, blockSize: undefined, transferSize: 0 })).toEqual(given('timeout=5 tsize=0'));
});

test.each([
  ['blksize=1468 windowsize=16 timeout=3 rollover=1 tsize=5', [1468, 16, 3000, 1, 5]],
  ['blksize=8', [8, 1, undefined, 0, undefined]],
  ['windowsize=1 blksize=512', [512, 1, undefined, 0, undefined]],
  ['BLKSIZE=1024', [1024, 1, undefined, 0, undefined]],
  ['tsize=9007199254740991', [512, 1, undefined, 0, 9007199254740991]],
] as const)('takes %s', (oack, [blockSize, windowSize, timeoutMs, rollover, announcedSize]) => {
  expect(judge(EVERYTHING, given(oack))).toMatchObject({
    ok: true,
    agreement: { blockSize, windowSize, timeoutMs, rollover, announcedSize },
  });
});

test.each([
  'blksize=1469',
  'blksize=7',
  'blksize=abc',
  'blksize=',
  'windowsize=17',
  'windowsize=0',
  'timeout=2',
  'timeout=4',
  'rollover=0',
  'tsize=-1',
  'tsize=1e9',
  'multicast=',
  'blksize=512 blksize=512',
])('refuses %s', (oack) => {
  expect(judge(EVERYTHING, given(oack))).toMatchObject({ ok: false, reason: expect.any(String) });
});

test.each(['blksize=512', 'windowsize=1', 'timeout=1', 'rollover=0', 'tsize=1'])('refuses %s that was not asked for', (oack) => {
  expect(judge({}, given(oack))).toMatchObject({ ok: false, reason: expect.stringContaining('not asked') });
});
