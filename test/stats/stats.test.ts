import { getHeapStatistics } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { peerKey, peerOf } from '../../src/base/peer.ts';
import {
  COUNTER_NAMES,
  COUNTERS,
  DROP_REASONS,
  GAUGES,
  HISTOGRAMS,
  PLUGIN_COUNTERS,
  PLUGIN_HISTOGRAMS,
} from '../../src/stats/counters.ts';
import { Stats } from '../../src/stats/stats.ts';

const NOTHING = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));

test('a snapshot has every counter, and does not change any more', () => {
  const stats = new Stats();
  const before = stats.snapshot();
  stats.add('requests.read');
  stats.add('bytes.sent', 5_000_000_000);
  stats.add('bytes.sent', 1);
  expect(before.counters).toEqual(NOTHING);
  expect(stats.snapshot().counters).toEqual({ ...NOTHING, 'requests.read': 1, 'bytes.sent': 5_000_000_001 });
});

test('each reason is counted by itself, and has the first client as its example until that is taken', () => {
  const stats = new Stats();
  for (const reason of DROP_REASONS) {
    for (const port of [1, 2]) stats.drop(reason, peerKey('10.0.0.1', port));
    expect(peerOf(stats.takeSample(reason)!)).toEqual({ address: '10.0.0.1', port: 1 });
    expect(stats.takeSample(reason)).toBeUndefined();
    stats.drop(reason, peerKey('10.0.0.1', 3));
    expect(peerOf(stats.takeSample(reason)!).port).toBe(3);
  }
  expect(stats.snapshot().counters).toEqual({
    ...NOTHING,
    ...Object.fromEntries(DROP_REASONS.map((reason) => [`drops.${reason}`, 3])),
  });
});

test.each([
  '192.168.7.20',
  '255.255.255.255',
  '::1',
  'fd00::1',
  'fe80::ffff:ffff:ffff:ffff%enp129s0f0np0',
])('%s comes back as it was put', (address) => {
  const stats = new Stats();
  stats.drop('malformed', peerKey(address, 65_535));
  expect(peerOf(stats.takeSample('malformed')!)).toEqual({ address, port: 65_535 });
});

test('an example that is longer than any address is cut, and harms none beside it', () => {
  const stats = new Stats();
  stats.drop('not-listening', 'n'.repeat(1000));
  stats.drop('malformed', 'm'.repeat(1000));
  expect(stats.takeSample('malformed')).toMatch(/^m{60,}$/);
  expect(stats.takeSample('not-listening')).toMatch(/^n{60,}$/);
  expect(stats.snapshot().counters).toEqual({ ...NOTHING, 'drops.malformed': 1, 'drops.not-listening': 1 });
});

test('other threads count in rows of their own; what one has counted stays when it has ended', () => {
  const stats = new Stats();
  const shares = [stats.share(), stats.share()];
  const [one, other] = shares.map((share) => new Stats(share));
  stats.add('requests.repeated');
  one!.add('requests.repeated', 10);
  other!.add('requests.repeated', 100);
  one!.drop('malformed', 7);
  const sum = { ...NOTHING, 'requests.repeated': 111, 'drops.malformed': 1 };
  expect(stats.snapshot().counters).toEqual(sum);
  stats.reclaim(shares[0]!);
  stats.reclaim(shares[0]!);
  expect(stats.snapshot().counters).toEqual(sum);
  expect(stats.takeSample('malformed')).toBe(7);
  one!.add('requests.repeated', 10);
  expect(stats.snapshot().counters).toEqual(sum);
});

test('gauges and histograms of threads are summed; what a gauge showed ends with its thread', () => {
  const stats = new Stats();
  const share = stats.share();
  const other = new Stats(share);
  stats.set('cache-bytes.data', 1);
  other.set('cache-bytes.data', 1000);
  other.set('cache-bytes.data', 100);
  stats.observe('answer-seconds', 0.5);
  other.observe('answer-seconds', 0.5);
  other.observe('answer-seconds', 1_000_000);
  const measured = () => {
    const { gauges, histograms } = stats.snapshot();
    const { count, sum, bounds, counts } = histograms['answer-seconds'];
    return { bytes: gauges['cache-bytes.data'], count, sum, withinHalf: counts[bounds.indexOf(0.5)], beyond: counts.at(-1) };
  };
  const all = { bytes: 101, count: 3, sum: 1_000_001, withinHalf: 2, beyond: 1 };
  expect(measured()).toEqual(all);
  stats.reclaim(share);
  expect(measured()).toEqual({ ...all, bytes: 1 });
});

test('a value counts in its own histogram, and in no other number', () => {
  for (const name of Object.keys(HISTOGRAMS) as (keyof typeof HISTOGRAMS)[]) {
    const stats = new Stats();
    for (const bound of HISTOGRAMS[name].bounds) stats.observe(name, bound);
    stats.observe(name, Number.MAX_SAFE_INTEGER);
    const { counters, gauges, histograms } = stats.snapshot();
    expect(histograms[name].counts).toEqual(Array(HISTOGRAMS[name].bounds.length + 1).fill(1));
    expect(Object.values(histograms).reduce((sum, { count }) => sum + count, 0)).toBe(histograms[name].count);
    expect([...Object.values(counters), ...Object.values(gauges)].every((number) => number === 0)).toBe(true);
  }
});

test('plugins are told apart by name, and those beyond a bound are counted together', () => {
  const stats = new Stats();
  stats.plugin('hosts').add('hook.errors');
  stats.plugin('hosts').observe('hook-seconds', 0.002);
  stats.plugin('__proto__').add('hook.timeouts');
  for (let i = 0; i < 10_000; i++) stats.plugin(`made-up-${i}`).add('hook.errors');
  const { plugins } = stats.snapshot();
  expect(plugins.hosts).toMatchObject({ 'hook.errors': 1, 'hook.timeouts': 0, 'hook-seconds': { count: 1, sum: 0.002 } });
  expect(Object.getOwnPropertyDescriptor(plugins, '__proto__')?.value).toMatchObject({ 'hook.timeouts': 1 });
  expect(Object.keys(plugins).length).toBeLessThan(300);
  expect(plugins.others?.['hook.errors']).toBeGreaterThan(9_000);
  expect(Object.values(plugins).reduce((sum, each) => sum + each['hook.errors'], 0)).toBe(10_001);
});

test('a snapshot is JSON as it is', () => {
  const stats = new Stats();
  stats.plugin('hosts').observe('hook-seconds', 1_000_000);
  stats.observe('file-bytes', 2 ** 50);
  const snapshot = stats.snapshot();
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual(withoutUndefined(snapshot));
});

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([key, each]) => [key, withoutUndefined(each)]));
}

describe('the table', () => {
  const tables = { COUNTERS, GAUGES, HISTOGRAMS, PLUGIN_COUNTERS, PLUGIN_HISTOGRAMS };

  test.each(Object.entries(tables))('%s has names of one form, and the unit in the name of a quantity', (_, table) => {
    for (const [name, { unit, help }] of Object.entries(table)) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*(\.[a-z]+(-[a-z]+)*)?$/);
      if (unit === 'seconds') expect(name.split('.')[0]).toMatch(/-seconds$/);
      if (unit === 'bytes') expect(name.split('.')[0]).toMatch(/(^|-)bytes$/);
      expect(help).not.toMatch(/[.|]$/);
    }
  });

  test('has each name once', () => {
    const names = Object.values(tables).flatMap((table) => Object.keys(table));
    expect(new Set(names).size).toBe(names.length);
  });

  test('is all that can be counted', () => {
    const stats = new Stats();
    const wrong = [
      // @ts-expect-error -- there is no such line
      () => stats.add('requests.odd'),
      // @ts-expect-error -- a gauge is not a counter
      () => stats.add('live.requests'),
      // @ts-expect-error -- a counter does not fall
      () => stats.set('requests.read', 1),
      // @ts-expect-error -- there is no such line
      () => stats.observe('odd-seconds', 1),
      // @ts-expect-error -- a plugin has lines of its own
      () => stats.plugin('hosts').add('requests.read'),
    ];
    expect(wrong).toHaveLength(5);
  });
});

test('counting takes no memory, whatever thread it happens in', ({ skip }) => {
  const allocated = () => (getHeapStatistics() as { readonly total_allocated_bytes?: number }).total_allocated_bytes;
  skip(allocated() === undefined, 'this version of Node does not say what was allocated');
  const stats = new Stats(new Stats().share());
  const plugin = stats.plugin('hosts');
  const TIMES = 200_000;
  const count = () => {
    for (let i = 0; i < TIMES; i++) {
      stats.add('cache.hits');
      stats.add('bytes.sent', i);
      stats.set('cache-bytes.data', i);
      stats.shift('live.requests', 1);
      stats.observe('answer-seconds', i / 1000);
      stats.drop('malformed', i);
      plugin.observe('hook-seconds', i / 1000);
    }
  };
  count();
  const before = allocated()!;
  count();
  // A byte of each call, where a number on the heap would have been twelve.
  expect(allocated()! - before).toBeLessThan(7 * TIMES);
});
