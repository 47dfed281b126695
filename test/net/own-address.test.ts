/** Which own address a machine is told, where its request came to a socket for all of them. */
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { isAnyAddress, OwnAddresses } from '../../src/net/own-address.ts';
import { FakeClock } from '../plugin/support.ts';

function info(cidr: string, internal = false): NetworkInterfaceInfo {
  const address = cidr.replace(/\/.*$/, '');
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  return { address, cidr, family, internal, netmask: '', mac: '', scopeid: 0 } as NetworkInterfaceInfo;
}

const interfaces = {
  lo: [info('127.0.0.1/8', true), info('::1/128', true)],
  eth0: [info('192.168.7.1/24'), info('fe80::1/64'), info('2001:db8:7::1/64')],
  eth1: [info('10.2.0.1/16'), info('2001:db8:2::1/64')],
};

describe('the own address', () => {
  test.each([
    ['192.168.7.20', '192.168.7.1'],
    ['10.2.9.9', '10.2.0.1'],
    ['::ffff:10.2.9.9', '10.2.0.1'],
    ['127.0.0.9', '127.0.0.1'],
    ['172.16.0.1', '192.168.7.1'],
    ['2001:db8:2::20', '2001:db8:2::1'],
    ['2001:db8:9::20', '2001:db8:7::1'],
    ['nonsense', undefined],
  ])('that faces %s is %s', (peer, own) => {
    expect(new OwnAddresses(new FakeClock(), () => interfaces).facing(peer)).toBe(own);
  });

  test('is not known where there is none of that family', () => {
    expect(new OwnAddresses(new FakeClock(), () => ({ lo: [info('127.0.0.1/8', true)] })).facing('10.0.0.1')).toBeUndefined();
  });

  test('follows the interfaces, which are asked for once a second at most', async () => {
    const clock = new FakeClock();
    let asked = 0;
    const own = new OwnAddresses(clock, () => (++asked === 1 ? interfaces : { eth0: [info('192.168.7.9/24')] }));
    for (let n = 0; n < 100; n++) expect(own.facing('192.168.7.20')).toBe('192.168.7.1');
    expect(asked).toBe(1);
    await clock.advance(1001);
    expect(own.facing('192.168.7.20')).toBe('192.168.7.9');
  });
});

test.each([
  ['0.0.0.0', true],
  ['::', true],
  ['', true],
  ['192.168.7.1', false],
  ['::1', false],
])('%j stands for all addresses: %s', (address, is) => {
  expect(isAnyAddress(address)).toBe(is);
});
