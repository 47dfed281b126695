import { accessLog } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import type { RefusalReason } from '../../src/base/refusal.ts';
import type { DhcpSummary } from '../../src/dhcp/summary.ts';
import type { ExchangeSummary } from '../../src/plugin/types.ts';
import { bootRequest, environment, readRequest, start, summary, TFTP_SUMMARY, transfer } from '../plugin/support.ts';

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

describe('an offer by DHCP', () => {
  const dhcp: DhcpSummary = { port: 67, layout: 'direct', offered: 'ipxe.efi', isRepeat: false, relay: undefined, secs: 4 };
  const { tftp: _, ...ended } = summary({ request: bootRequest(), served: 'ipxe.efi', bytes: 0, durationMs: 2.5 });
  const known = {
    plugin: 'access-log',
    transfer: 12,
    mac: '52:54:00:12:34:56',
    macSource: 'dhcp',
    firmware: 'uefi-x64',
    arch: 7,
  };
  const refused = (reason: RefusalReason): Partial<ExchangeSummary> => ({
    outcome: 'refused',
    dhcp: { ...dhcp, layout: undefined, offered: undefined },
    error: { reason, message: 'why' },
  });

  test.each<[string, Partial<ExchangeSummary>, string, string, object]>([
    [
      'is a line',
      { dhcp: { ...dhcp, relay: '10.8.0.1' } },
      'info',
      'boot offered',
      { offered: 'ipxe.efi', layout: 'direct', answeredOn: 67, relay: '10.8.0.1', secs: 4, outcome: 'completed', ms: 2.5 },
    ],
    ['that repeats is for debugging', { dhcp: { ...dhcp, isRepeat: true } }, 'debug', 'boot request repeated', {}],
    ['that there is none of is a line', refused('not-found'), 'info', 'boot not offered', { error: { message: 'why' } }],
    ['that the firmware cannot take is a line', refused('unsupported'), 'info', 'boot not offered', {}],
    ['that a plugin refuses is a warning', refused('forbidden'), 'warn', 'boot not offered', { error: { reason: 'forbidden' } }],
    ['that fails is a warning', { dhcp, outcome: 'failed' }, 'warn', 'boot request failed', { outcome: 'failed' }],
  ])('%s', async (_, how, level, message, fields) => {
    const env = environment();
    const pipeline = await start([accessLog()], env);
    pipeline.start(transfer({ request: bootRequest() }));
    pipeline.end({ ...ended, ...how });
    expect(env.log.lines).toMatchObject([{ level, message, fields: { ...known, ...fields } }]);
    expect(env.log.lines[0]!.fields).not.toHaveProperty('client');
  });
});
