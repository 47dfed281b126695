/** What tells a machine from others: each fact keeps its own source. */
import { describe, expect, test } from 'vitest';
import { parseSerial } from '../../src/base/serial.ts';
import { withIdentity } from '../../src/plugin/facts.ts';
import { describeFacts } from '../../src/plugin/trace.ts';
import type { Client, Identity } from '../../src/plugin/types.ts';

const base: Client = { address: '192.168.7.60', port: 2070 };
const mac = '52:54:00:12:34:56';
const uuid = 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab';
const serial = 'd1f0c2aa';

describe('identities put together', () => {
  test.each<[string, readonly Identity[], object, string | undefined]>([
    ['none', [], {}, undefined],
    [
      'two sources',
      [
        { mac, source: 'leases', ageMs: 5 },
        { serial, source: 'filename', ageMs: 0 },
      ],
      { mac, macSource: 'leases', macAgeMs: 5, serial, serialSource: 'filename', serialAgeMs: 0 },
      `${mac} (leases, 5), serial number ${serial} (filename, 0)`,
    ],
    [
      'one source of two facts',
      [{ mac, uuid, source: 'api' }],
      { mac, macSource: 'api', uuid, uuidSource: 'api' },
      `${mac}, UUID ${uuid} (api)`,
    ],
    [
      'the first of two that know the same',
      [
        { mac, source: 'table' },
        { mac: '52:54:00:00:00:09', serial, source: 'filename', ageMs: 0 },
      ],
      { mac, macSource: 'table', serial, serialSource: 'filename', serialAgeMs: 0 },
      `${mac} (table), serial number ${serial} (filename, 0)`,
    ],
  ])('%s', (_, identities, expected, told) => {
    const client = identities.reduce(withIdentity, base);
    expect(client).toEqual({ ...base, ...expected });
    expect(describeFacts(client, (ms) => `, ${ms}`)).toBe(told);
  });

  test('a client of which nothing new is told stays the same object', () => {
    const known = withIdentity(base, { mac, source: 'table' });
    expect(withIdentity(known, { mac: '52:54:00:00:00:09', source: 'filename' })).toBe(known);
  });
});

test.each([
  ['d1f0c2aa', 'd1f0c2aa'],
  ['D1F0C2AA', 'd1f0c2aa'],
  ['10000000D1F0C2AA', 'd1f0c2aa'],
  ['0000000000000000', '00000000'],
  ['1000000d1f0c2aa', '1000000d1f0c2aa'],
  ['10000000d1f0c2aab', '10000000d1f0c2aab'],
  ['10000000d1f0c2ag', '10000000d1f0c2ag'],
  ['CZJ1234XYZ', 'czj1234xyz'],
])('the serial number %s is kept as %s', (written, kept) => {
  expect(parseSerial(written)).toBe(kept);
});
