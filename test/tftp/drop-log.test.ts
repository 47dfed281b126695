import { expect, test } from 'vitest';
import { peerKey } from '../../src/base/peer.ts';
import { Stats } from '../../src/stats/stats.ts';
import { DropLog } from '../../src/tftp/drop-log.ts';
import { FakeClock, recordingLog } from '../plugin/support.ts';

function started() {
  const [stats, log, clock] = [new Stats(), recordingLog(), new FakeClock()];
  const dropLog = new DropLog(stats, log, clock);
  dropLog.start();
  return { stats, log, clock, dropLog };
}

const stray = peerKey('10.0.0.7', 2070);

test('a flood is one line a second, with its sum and an example', async () => {
  const { stats, log, clock } = started();
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 100_000; i++) stats.drop('unknown-transfer', stray);
    await clock.advance(1000);
  }
  const drops = [{ reason: 'unknown-transfer', count: 100_000, client: '10.0.0.7', port: 2070 }];
  expect(log.lines).toEqual(Array(3).fill({ level: 'debug', message: 'datagrams dropped', fields: { drops } }));
});

test('a second without drops has no line', async () => {
  const { stats, log, clock } = started();
  await clock.advance(1000);
  stats.add('requests.repeated');
  await clock.advance(1000);
  expect(log.lines).toEqual([]);
});

test.each(['too-many-transfers', 'too-many-transfers-of-address'] as const)('%s makes the line a warning', async (reason) => {
  const { stats, log, clock } = started();
  stats.drop('malformed', stray);
  stats.drop(reason, peerKey('fe80::1%eth0', 1024));
  await clock.advance(1000);
  expect(log.lines.map(({ level, fields }) => ({ level, fields }))).toEqual([
    {
      level: 'warn',
      fields: {
        drops: [
          { reason: 'malformed', count: 1, client: '10.0.0.7', port: 2070 },
          { reason, count: 1, client: 'fe80::1%eth0', port: 1024 },
        ],
      },
    },
  ]);
});

test('the end logs what was not logged yet, and leaves no timer', async () => {
  const { stats, log, clock, dropLog } = started();
  await clock.advance(1000);
  stats.drop('malformed', stray);
  dropLog.stop();
  expect(log.lines).toHaveLength(1);
  expect(clock.pending).toBe(0);
});
