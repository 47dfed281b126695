/** That the simulation repeats itself, and that it finds what it is there to find. */
import { describe, expect, test } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { simulate } from './scenario.ts';

/** Each mutant is found within so many seeds. */
const MOST_SEEDS = 100;

test('a seed repeats itself to the event', { timeout: 60_000 }, async () => {
  const hashes = new Set<string>();
  for (const seed of [1, 30, 114, 383]) {
    const { hash, events } = await simulate(seed);
    expect(await simulate(seed)).toMatchObject({ hash, events });
    hashes.add(hash);
  }
  expect(hashes.size).toBe(4);
});

describe('a fault is found', () => {
  test.for(MUTANTS)('$name', { timeout: 120_000 }, async ({ name, shows, mutant, patch }) => {
    const undo = patch?.();
    try {
      for (let seed = 1; seed <= MOST_SEEDS; seed++) {
        const { violations } = await simulate(seed, mutant ? { mutant } : {});
        const violation = violations.find((one) => shows.test(one));
        if (violation === undefined) continue;
        console.log(`${name}: found by seed ${seed}, ${violation}`);
        return;
      }
    } finally {
      undo?.();
    }
    expect.unreachable(`no seed up to ${MOST_SEEDS} shows it`);
  });
});
