/** Memory is freed with its last holder, and never before. */
import { expect, test } from 'vitest';
import { Holders } from '../../src/content/holders.ts';

test('memory is freed when the last holder lets go, whatever part of it each holds', () => {
  const holders = new Holders();
  const bytes = new Uint8Array(4096);
  holders.hold(bytes, 2);
  holders.hold(bytes.subarray(10, 20));
  holders.release(bytes);
  holders.release(bytes.subarray(5));
  expect(bytes.length).toBe(4096);
  holders.release(bytes);
  expect(bytes.length).toBe(0);
});

test.each([
  ['was never held', (holders: Holders, bytes: Uint8Array) => holders.release(bytes)],
  [
    'has a holder that never lets go',
    (holders: Holders, bytes: Uint8Array) => {
      holders.hold(bytes, 2);
      holders.release(bytes);
    },
  ],
])('memory that %s stays', (_what, use) => {
  const bytes = new Uint8Array(4096);
  use(new Holders(), bytes);
  expect(bytes.length).toBe(4096);
});

test('memory that threads share stays', () => {
  const holders = new Holders();
  const bytes = new Uint8Array(new SharedArrayBuffer(4096));
  holders.hold(bytes);
  holders.release(bytes);
  expect(bytes.length).toBe(4096);
});
