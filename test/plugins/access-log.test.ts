import { accessLog } from 'pxe/plugins';
import { expect, test } from 'vitest';
import type { ExchangeSummary } from '../../src/plugin/types.ts';
import { environment, readRequest, start, summary, TFTP_SUMMARY, transfer } from '../plugin/support.ts';

const request = readRequest('boot/kernel', {
  mac: '52:54:00:12:34:56',
  macSource: 'table',
  host: { name: 'web1', groups: [], variables: {} },
});

test('one line as it starts, one as it ends, with every field', async () => {
  const env = environment();
  const pipeline = await start([accessLog()], env);
  pipeline.start(transfer({ request, served: 'web1/kernel', size: 3_000_000 }));
  pipeline.end(summary({ request, served: 'web1/kernel', size: 3_000_000, tftp: { ...TFTP_SUMMARY, lastAckMissing: true } }));
  const started = {
    plugin: 'access-log',
    transfer: 12,
    client: '192.168.7.20',
    port: 2070,
    host: 'web1',
    mac: '52:54:00:12:34:56',
    macSource: 'table',
    kind: 'read',
    mode: 'octet',
    asked: '/boot/kernel',
    served: 'web1/kernel',
    size: 3_000_000,
    generation: 1,
  };
  expect(env.log.lines).toEqual([
    { level: 'info', message: 'transfer started', fields: started },
    {
      level: 'info',
      message: 'transfer completed',
      fields: {
        ...started,
        outcome: 'completed',
        bytes: 3_000_000,
        options: { blksize: '1468' },
        ms: 1500,
        mbPerS: 2,
        rttMs: 0.25,
        retransmissions: 2,
        lastAckMissing: true,
        error: undefined,
      },
    },
  ]);
});

test.each<[Partial<ExchangeSummary>, 'info' | 'warn', string]>([
  [{ outcome: 'completed' }, 'info', 'transfer completed'],
  [{ outcome: 'probed', error: { code: 8, message: 'User aborted the transfer' } }, 'info', 'size probed'],
  [{ outcome: 'aborted', error: { code: 0, message: 'closed' } }, 'info', 'transfer aborted by client'],
  [{ outcome: 'refused', error: { code: 1, message: 'file not found', reason: 'not-found' } }, 'info', 'request refused'],
  [{ outcome: 'refused', error: { code: 2, message: 'access violation' } }, 'warn', 'request refused'],
  [{ outcome: 'refused', error: { code: 0, message: 'internal error' } }, 'warn', 'request refused'],
  [{ outcome: 'failed', error: undefined }, 'warn', 'transfer failed'],
])('%o is %s', async (ended, level, message) => {
  const env = environment();
  const pipeline = await start([accessLog()], env);
  pipeline.end(summary({ durationMs: 0, ...ended }));
  expect(env.log.lines).toMatchObject([{ level, message, fields: { ...ended, mbPerS: undefined } }]);
});

test.each([
  [{}, ['transfer started', 'request refused', 'request refused', 'transfer completed', 'boot']],
  [{ starts: false }, ['request refused', 'request refused', 'transfer completed', 'boot']],
  [{ starts: false, absent: false }, ['request refused', 'transfer completed', 'boot']],
  [{ starts: false, absent: false, boots: false }, ['request refused', 'transfer completed']],
])('%o leaves out what is switched off, and nothing that is refused for another reason', async (options, messages) => {
  const env = environment();
  const pipeline = await start([accessLog(options)], env);
  pipeline.start(transfer({ request, served: 'kernel' }));
  pipeline.end(summary({ request, outcome: 'refused', error: { code: 1, message: 'file not found', reason: 'not-found' } }));
  pipeline.end(summary({ request, outcome: 'refused', error: { code: 2, message: 'access violation' } }));
  pipeline.end(summary({ request, served: 'kernel' }));
  await pipeline.dispose();
  expect(env.log.lines.map(({ message }) => message)).toEqual(messages);
  const boot = env.log.lines.find(({ message }) => message === 'boot');
  if (boot) expect(boot.fields).toMatchObject({ absent: 1, host: 'web1' });
});
