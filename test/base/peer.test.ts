import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressKey, peerKey, peerOf } from '../../src/base/peer.ts';

const addresses = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom('0.0.0.0', '255.255.255.255', '::', 'fe80::1%eth0', '::ffff:10.0.0.1'),
);

test('a key stands for one address and port', () => {
  fc.assert(
    fc.property(addresses, fc.nat(65535), (address, port) => {
      expect(peerOf(peerKey(address, port))).toEqual({ address, port });
    }),
    { examples: [['255.255.255.255', 65535]] },
  );
});

test('an address key is equal for two ports of an address, and for no other', () => {
  fc.assert(
    fc.property(addresses, addresses, fc.nat(65535), fc.nat(65535), (one, two, port, other) => {
      expect(addressKey(peerKey(one, port))).toBe(addressKey(peerKey(one, other)));
      expect(addressKey(peerKey(one, port)) === addressKey(peerKey(two, other))).toBe(one === two);
    }),
  );
});

test('IPv4 keys are numbers, which a transport makes without allocating', () => {
  expect(peerKey('192.168.7.20', 69)).toBe((((192 * 256 + 168) * 256 + 7) * 256 + 20) * 65536 + 69);
});
