import { expect, test } from 'vitest';
import { parseMac, parseMacPattern } from '../../src/plugin/mac.ts';

test.each([
  ['52:54:00:12:34:56', '52:54:00:12:34:56'],
  ['52:54:00:AB:CD:EF', '52:54:00:ab:cd:ef'],
  ['52-54-00-12-34-56', '52:54:00:12:34:56'],
  ['5254.0012.3456', '52:54:00:12:34:56'],
  ['525400123456', '52:54:00:12:34:56'],
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
