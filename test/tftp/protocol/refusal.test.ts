import { expect, test } from 'vitest';
import { INTERNAL, NOT_FOUND, Refusal, type RefusalReason } from '../../../src/base/refusal.ts';
import { TftpError } from '../../../src/tftp/protocol/error.ts';
import { codeOf, describeRefusal, wireError } from '../../../src/tftp/protocol/refusal.ts';

test.each<[RefusalReason, number]>([
  ['not-found', 1],
  ['forbidden', 2],
  ['too-large', 3],
  ['unsupported', 4],
  ['exists', 6],
  ['busy', 0],
  ['changed', 0],
  ['unavailable', 0],
  ['internal', 0],
])('%s is ERROR %i, with the text of the refusal', (reason, code) => {
  expect(wireError(new Refusal(reason, 'why'))).toEqual({ code, message: 'why', reason });
});

test('an exact code stays as it is, and means the nearest reason', () => {
  const reasons = [0, 1, 2, 3, 4, 5, 6, 7, 8, 99].map((code) => [
    codeOf(new TftpError(code, 'x')),
    new TftpError(code, 'x').reason,
  ]);
  expect(reasons).toEqual([
    [0, 'unavailable'],
    [1, 'not-found'],
    [2, 'forbidden'],
    [3, 'too-large'],
    [4, 'unsupported'],
    [5, 'unavailable'],
    [6, 'exists'],
    [7, 'forbidden'],
    [8, 'unsupported'],
    [99, 'unavailable'],
  ]);
});

test('the detail is for the log', () => {
  const refused = new Refusal('forbidden', 'access violation', { cause: new Error('EACCES: /srv/x') });
  expect(wireError(refused)).toEqual({ code: 2, message: 'access violation', reason: 'forbidden', detail: 'EACCES: /srv/x' });
  expect(describeRefusal(refused)).toBe('error 2: access violation (EACCES: /srv/x)');
  expect(describeRefusal(new TftpError(7, 'no'))).toBe('error 7: no');
});

test('a refusal captures no stack, and those without detail can be shared', () => {
  for (const one of [NOT_FOUND, INTERNAL, new Refusal('busy', 'later'), new TftpError(7, 'no')])
    expect(one.stack).not.toMatch(/\n\s+at /);
  expect(() => Object.assign(NOT_FOUND, { reason: 'busy' })).toThrow(TypeError);
  expect(Error.stackTraceLimit).toBeGreaterThan(0);
});
