import { expect, test } from 'vitest';
import { hostBitsProblem, numberOf, parseAddress, parseInterfaceAddress, parseNetwork } from '../../src/base/address.ts';

test.each([
  ['0.0.0.0', 0n],
  ['255.255.255.255', 0xffff_ffffn],
  ['192.168.7.20', 0xc0a8_0714n],
  ['::', 0n],
  ['::1', 1n],
  ['2001:db8::20', 0x2001_0db8_0000_0000_0000_0000_0000_0020n],
  ['fe80::1%lab0', 0xfe80_0000_0000_0000_0000_0000_0000_0001n],
  ['::192.0.2.1', 0xc000_0201n],
  ['64:ff9b::192.0.2.1', 0x0064_ff9b_0000_0000_0000_0000_c000_0201n],
  ['1:2:3:4:5:6:7:8', 0x0001_0002_0003_0004_0005_0006_0007_0008n],
])('%s as a number', (text, value) => {
  expect(numberOf(parseAddress(text)!)).toBe(value);
});

test.each([
  ['192.168.7.0/24', '192.168.7.255', true],
  ['192.168.7.0/24', '192.168.8.0', false],
  ['192.168.7.20/32', '192.168.7.20', true],
  ['192.168.7.20/32', '192.168.7.21', false],
  ['192.168.7.99/24', '192.168.7.1', true],
  ['0.0.0.0/0', '10.1.2.3', true],
  ['::/0', '2001:db8::1', true],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
])('%s holds %s: %s', (written, text, inside) => {
  const network = parseNetwork(written)!;
  const address = parseAddress(text)!;
  expect(network.contains(parseAddress(address.family === 'ipv4' ? '::' : '0.0.0.0')!)).toBe(false);
  expect(network.contains(address)).toBe(inside);
});

test.each([
  '192.168.7.0',
  '192.168.7.0/33',
  '2001:db8::/129',
  '192.168.7/24',
  '/24',
  'x/1',
  '1.2.3.4/-1',
  '',
])('%s is no network', (text) => {
  expect(parseNetwork(text)).toBeUndefined();
});

test.each([
  ['192.168.7.50/24', '192.168.7.50', '192.168.7.0/24'],
  ['192.168.7.255/24', '192.168.7.255', '192.168.7.0/24'],
  ['10.0.0.1/8', '10.0.0.1', '10.0.0.0/8'],
  ['192.168.7.50/32', '192.168.7.50', '192.168.7.50/32'],
  ['2001:DB8::20/64', '2001:db8::20', '2001:db8::/64'],
  ['fe80::1%lab0/64', 'fe80::1', 'fe80::/64'],
  ['192.168.7.0/24', undefined, undefined],
  ['0.0.0.0/0', undefined, undefined],
  ['2001:db8::/32', undefined, undefined],
  ['192.168.7.50', undefined, undefined],
  ['192.168.7.50/33', undefined, undefined],
])('%s is the machine %s of the network %s', (written, address, network) => {
  const found = parseInterfaceAddress(written);
  expect([found?.address.text, found?.network]).toEqual([address, network]);
});

test.each([
  ['192.168.7.50/24', 'write 192.168.7.50 for that machine, or 192.168.7.0/24 for its network'],
  ['2001:db8::20/64', 'write 2001:db8::20 for that machine, or 2001:db8::/64 for its network'],
  ['192.168.7.0/24', undefined],
  ['192.168.7.50/32', undefined],
  ['2001:db8::20/128', undefined],
  ['192.168.7.50', undefined],
  ['x', undefined],
])('%s may be either: %s', (written, told) => {
  if (told === undefined) expect(hostBitsProblem(written)).toBeUndefined();
  else expect(hostBitsProblem(written)).toContain(told);
});
