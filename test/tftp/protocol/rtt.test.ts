import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RoundTrip } from '../../../src/tftp/protocol/rtt.ts';

test('before a measurement it is a second (RFC 6298 §2.1)', () => {
  const roundTrip = new RoundTrip(20, 3000);
  expect(roundTrip.smoothed).toBeUndefined();
  expect(roundTrip.timeout).toBe(1000);
});

test('a first sample gives three of it, further ones are smoothed (RFC 6298 §2.2, §2.3)', () => {
  const roundTrip = new RoundTrip(0, 60_000);
  roundTrip.sample(100);
  expect(roundTrip.smoothed).toBe(100);
  expect(roundTrip.timeout).toBe(100 + 4 * 50);
  roundTrip.sample(180);
  expect(roundTrip.smoothed).toBe(110);
  // RTTVAR = 3/4 × 50 + 1/4 × |100 − 180|, with the smoothed time before this sample.
  expect(roundTrip.timeout).toBe(110 + 4 * 57.5);
});

test('every time-out doubles it, up to the ceiling (RFC 6298 §5.5)', () => {
  const roundTrip = new RoundTrip(20, 3000);
  roundTrip.sample(100);
  const timeouts = [0, 1, 2, 3, 4].map(() => {
    const { timeout } = roundTrip;
    roundTrip.backOff();
    return timeout;
  });
  expect(timeouts).toEqual([300, 600, 1200, 2400, 3000]);
  for (let i = 0; i < 2000; i++) roundTrip.backOff();
  expect(roundTrip.timeout).toBe(3000);
});

test('the doubling lasts until something is measured, and no longer (RFC 6298 §5.7)', () => {
  const roundTrip = new RoundTrip(20, 60_000);
  roundTrip.sample(100);
  roundTrip.backOff();
  roundTrip.backOff();
  expect(roundTrip.timeout).toBe(1200);
  roundTrip.sample(100);
  expect(roundTrip.timeout).toBe(100 + 4 * 37.5);
});

test('a fast link never gets below the floor, a slow one never above the ceiling', () => {
  const fast = new RoundTrip(20, 3000);
  fast.sample(0.1);
  expect(fast.timeout).toBeCloseTo(20.1);
  const slow = new RoundTrip(20, 3000);
  slow.sample(9000);
  expect(slow.timeout).toBe(3000);
});

test('round trips that are all alike leave a spare of the floor (RFC 6298 §2.3: G)', () => {
  const roundTrip = new RoundTrip(20, 3000);
  for (let i = 0; i < 1000; i++) roundTrip.sample(100);
  expect(roundTrip.timeout).toBeCloseTo(120);
});

test('a negotiated ceiling below the floor wins', () => {
  const roundTrip = new RoundTrip(2000, 1000);
  expect(roundTrip.timeout).toBe(1000);
  roundTrip.backOff();
  expect(roundTrip.timeout).toBe(1000);
});

test('any history keeps it within its bounds, and no time-out makes it shorter', () => {
  const events = fc.array(fc.oneof(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.constant('backOff' as const)));
  fc.assert(
    fc.property(events, (history) => {
      const roundTrip = new RoundTrip(20, 3000);
      for (const event of history) {
        const before = roundTrip.timeout;
        if (event === 'backOff') roundTrip.backOff();
        else roundTrip.sample(event);
        expect(roundTrip.timeout).toBeGreaterThanOrEqual(event === 'backOff' ? before : 20);
        expect(roundTrip.timeout).toBeLessThanOrEqual(3000);
      }
    }),
  );
});
