import { expect, test } from 'vitest';
import { StallGrace } from '../../../../src/tftp/transport/native/stall-grace.ts';

test.each([
  ['no time at all', 0, 0],
  ['ten milliseconds', 10, 0],
  ['a little longer: the shortest time-out', 11, 20],
  ['longer than that: as long again', 90, 90],
  ['a suspended machine: a second', 3_600_000, 1000],
])('a round that took %s', (_, tookMs, forMs) => {
  const grace = new StallGrace();
  const now = 7000 + tookMs;
  grace.roundEnded(7000, now);
  expect(grace.until(now)).toBe(forMs === 0 ? 0 : now + forMs);
  expect(grace.until(now + forMs)).toBe(0);
  if (forMs > 0) {
    grace.roundEnded(7000, now);
    expect(grace.until(now + forMs - 1)).toBe(now + forMs);
  }
});

test('a server whose every round takes long looks at its deadlines all the same', () => {
  const grace = new StallGrace();
  const looks: number[] = [];
  for (let now = 0; now < 1000; now += 30) {
    grace.roundEnded(now, now + 30);
    if (grace.until(now + 30) === 0) looks.push(now + 30);
  }
  expect(looks.length).toBe(17);
});
