/** The test of one half of the seeds; see `seeds.ts`. */
import { describe, expect, test } from 'vitest';
import { CHANGES } from './changes.ts';
import { ODD_READS, ODD_WRITES } from './plugins.ts';
import { simulate } from './scenario.ts';
import { MUST_HAPPEN, seedsOf } from './seeds.ts';
import { Tally } from './tally.ts';

export function testHalf(half: 0 | 1): void {
  const seeds = seedsOf(half);
  describe('the whole server in simulation', () => {
    test(`${seeds.length} seeds`, { timeout: 600_000 }, async () => {
      const tally = new Tally();
      for (const seed of seeds) tally.add(await simulate(seed));
      console.log(tally.report());
      expect(tally.failures.join('\n')).toBe('');
      if (seeds.length < 300) return;
      const expected = [
        ...MUST_HAPPEN,
        ...CHANGES.map((kind) => `change: ${kind}`),
        ...ODD_READS.map((kind) => `plugin read: ${kind}`),
        ...ODD_WRITES.map((kind) => `plugin write: ${kind}`),
      ];
      expect(expected.filter((what) => tally.of(what) === 0)).toEqual([]);
      expect(tally.least.transfers).toBeGreaterThanOrEqual(20);
      expect(tally.least.reloads).toBeGreaterThanOrEqual(3);
      expect(tally.least.changes).toBeGreaterThanOrEqual(2);
      expect(tally.least.pluginFailures).toBeGreaterThanOrEqual(1);
    });
  });
}
