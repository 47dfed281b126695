import { expect, test } from 'vitest';
import { peerKey, peerOf } from '../../src/base/peer.ts';
import { COUNTER_NAMES, DROP_REASONS } from '../../src/stats/counters.ts';
import { Stats } from '../../src/stats/stats.ts';

const NOTHING = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));

test('a snapshot has every counter, and does not change any more', () => {
  const stats = new Stats();
  const before = stats.snapshot();
  stats.add('requests.read');
  stats.add('bytes.sent', 5_000_000_000);
  stats.add('bytes.sent', 1);
  expect(before).toEqual(NOTHING);
  expect(stats.snapshot()).toEqual({ ...NOTHING, 'requests.read': 1, 'bytes.sent': 5_000_000_001 });
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
  expect(stats.snapshot()).toEqual({ ...NOTHING, ...Object.fromEntries(DROP_REASONS.map((reason) => [`drops.${reason}`, 3])) });
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
  expect(stats.snapshot()).toEqual({ ...NOTHING, 'drops.malformed': 1, 'drops.not-listening': 1 });
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
  expect(stats.snapshot()).toEqual(sum);
  stats.reclaim(shares[0]!);
  stats.reclaim(shares[0]!);
  expect(stats.snapshot()).toEqual(sum);
  expect(stats.takeSample('malformed')).toBe(7);
  one!.add('requests.repeated', 10);
  expect(stats.snapshot()).toEqual(sum);
});
