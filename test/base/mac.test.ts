import { expect, test } from 'vitest';
import { parseMac, parseMacPattern } from '../../src/base/mac.ts';

test.each([
  ['52:54:00:12:34:56', '52:54:00:12:34:56'],
  ['52:54:00:AB:CD:EF', '52:54:00:ab:cd:ef'],
  ['52-54-00-12-34-56', '52:54:00:12:34:56'],
  ['5254.0012.3456', '52:54:00:12:34:56'],
  ['525400123456', '52:54:00:12:34:56'],
  ['0x525400ABCDEF', '52:54:00:ab:cd:ef'],
  ['525400-123456', '52:54:00:12:34:56'],
  ['525400:123456', '52:54:00:12:34:56'],
  ['525400.123456', '52:54:00:12:34:56'],
  ['5254-0012-3456', '52:54:00:12:34:56'],
  ['5254:0012:3456', '52:54:00:12:34:56'],
  ['52 54 00 12 34 56', '52:54:00:12:34:56'],
  ['0:1:e8:2:3:f', '00:01:e8:02:03:0f'],
  ['5254.0012-3456', undefined],
  ['525400 123456', undefined],
  ['0:1:e8:2:3', undefined],
  ['0:1:e8:2:3:100', undefined],
  ['0-1-e8-2-3-f', undefined],
  // Octets in decimal, as SNMP has them, look the same.
  ['52.54.00.12.34.56', undefined],
  ['0x52:54:00:12:34:56', undefined],
  ['2001:db8:0:0:0:0:0:1', undefined],
  ['12345', undefined],
  ['5.254E+11', undefined],
  ['52540012345', undefined],
  ['b1c65f1a-2b5d-4f0e-9c55-0123456789ab', undefined],
  ['52:54:00:12:34', undefined],
  ['52:54:00:12:34:56:78', undefined],
  ['52:54-00:12:34:56', undefined],
  ['52:54:00:12:34:5g', undefined],
  ['5254.0012.34567', undefined],
  ['01-52-54-00-12-34-56', undefined],
  ['', undefined],
  [' 52:54:00:12:34:56', undefined],
])('parseMac(%o) is %o', (text, mac) => {
  expect(parseMac(text)).toBe(mac);
});

test.each([
  ['52:54:00:*', 3, true],
  ['52-54-00-*', 3, true],
  ['52:54:AB:*', 3, false],
  ['*', 0, true],
  ['*:*:*:12:34:56', 3, true],
  ['52:54:00:12:34:*', 5, true],
  ['52:54:00:12:35:*', 5, false],
])('%o gives %i octets; matches: %o', (text, octets, matches) => {
  const pattern = parseMacPattern(text);
  expect(pattern?.octets).toBe(octets);
  expect(pattern?.matches('52:54:00:12:34:56')).toBe(matches);
});

test.each(['52:54:00:12:34:56', '52:54:*:12', '52:5*', '52:54:00:12:34:56:*', 'default', ''])('%o is no pattern', (text) => {
  expect(parseMacPattern(text)).toBeUndefined();
});
