import { expect, test } from 'vitest';
import { BusyPoll } from '../../../../src/tftp/transport/native/busy-poll.ts';

/** A loop whose every look takes a microsecond; `answersAfterMs` of each wait comes one datagram. */
function loop() {
  let now = 0;
  const polling = new BusyPoll({ now: () => now, pollMs: 0.1, maxTransfers: 4 });
  /** Whether it was looked at all, and what was found. */
  const wait = (answersAfterMs: number, transfers = 1) => {
    const begun = now;
    let looks = 0;
    const came = polling.poll(transfers, () => {
      looks++;
      now += 0.001;
      return now - begun >= answersAfterMs ? 1 : 0;
    });
    return { came, looked: looks > 0, ms: now - begun };
  };
  const waits = (count: number, answersAfterMs: number) => Array.from({ length: count }, () => wait(answersAfterMs));
  return { wait, waits };
}

test('answers that come soon are polled for, each of them', () => {
  const { waits } = loop();
  for (const { came, ms } of waits(5000, 0.05)) {
    expect(came).toBe(1);
    expect(ms).toBeLessThan(0.06);
  }
});

test('no longer than a tenth of a millisecond', () => {
  const { came, looked, ms } = loop().wait(1);
  expect({ came, looked }).toEqual({ came: 0, looked: true });
  expect(ms).toBeLessThanOrEqual(0.102);
});

test('where answers come late, it is tried once in a thousand waits', () => {
  const looked = loop()
    .waits(10_000, 1)
    .filter((wait) => wait.looked).length;
  expect(looked).toBe(10);
});

test('as soon as they come in time again, it pays again', () => {
  const { waits } = loop();
  waits(100, 1);
  const looked = waits(3000, 0.05).filter((wait) => wait.looked).length;
  expect(looked).toBeGreaterThan(3000 - 1024);
});

test('one late answer among many is forgiven, one in four is not', () => {
  const { waits, wait } = loop();
  waits(100, 0.05);
  for (let i = 0; i < 100; i++) {
    expect(wait(1).looked).toBe(true);
    for (const { looked } of waits(10, 0.05)) expect(looked).toBe(true);
  }
  let looked = 0;
  for (let i = 0; i < 100; i++) looked += [wait(1), ...waits(3, 0.05)].filter((one) => one.looked).length;
  expect(looked).toBeLessThan(50);
});

test.each([0, 5, 1000])('with %i transfers there is nothing to look out for, or something else to do', (transfers) => {
  expect(loop().wait(0.05, transfers)).toEqual({ came: 0, looked: false, ms: 0 });
});
