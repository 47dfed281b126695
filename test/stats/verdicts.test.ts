/** What the soak and the benchmark make of a snapshot: each thing that must not happen is named. */
import { expect, test } from 'vitest';
import { leaks, troubles } from '../../scripts/lib/server-stats.ts';
import { Stats } from '../../src/stats/stats.ts';

/** One request that ended well, and one generation. */
function well(): Stats {
  const stats = new Stats();
  stats.add('requests.read');
  stats.add('outcomes.completed');
  stats.set('live.generations', 1);
  stats.set('cache-bytes.main', 600);
  stats.set('cache-bytes.data', 400);
  stats.plugin('hosts').observe('hook-seconds', 1);
  return stats;
}

test('a server that does well has neither', () => {
  const snapshot = well().snapshot();
  expect([leaks(snapshot, 1000), troubles(snapshot)]).toEqual([[], []]);
});

test.each<[string, (stats: Stats) => void]>([
  ['1 requests still under way', (stats) => stats.set('live.requests', 1)],
  ['2 generations live', (stats) => stats.set('live.generations', 2)],
  ['1001 bytes of files kept, 1000 allowed', (stats) => stats.set('cache-bytes.data', 401)],
  ['2 requests, but 1 ends', (stats) => stats.add('requests.write')],
])('a leak: %s', (leak, happens) => {
  const stats = well();
  happens(stats);
  expect(leaks(stats.snapshot(), 1000)).toEqual([leak]);
});

test.each<[string, (stats: Stats) => void]>([
  ['1 × drops.too-many-transfers', (stats) => stats.drop('too-many-transfers', 1)],
  ['1 × restarts.data-thread', (stats) => stats.add('restarts.data-thread')],
  ['3 × log-lines.lost', (stats) => stats.add('log-lines.lost', 3)],
  ['1 × hook.errors of hosts', (stats) => stats.plugin('hosts').add('hook.errors')],
])('trouble: %s', (trouble, happens) => {
  const stats = well();
  happens(stats);
  expect(troubles(stats.snapshot())).toEqual([trouble]);
});
