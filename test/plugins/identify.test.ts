import { identify } from 'pxe/plugins';
import { describe, expect, test, vi } from 'vitest';
import { macInName } from '../../plugins/filename.ts';
import { neighbourReader } from '../../plugins/neighbours.ts';
import { readRequest } from '../plugin/support.ts';
import { issuesOf, serving } from './support.ts';

describe('sources', () => {
  const table = { '192.168.7.20': '52-54-00-00-00-01', '2001:DB8::0:20': '525400000006' };
  const neighbours = () => '52:54:00:00:00:02';
  const name = 'pxelinux.cfg/01-52-54-00-00-00-03';

  test.each<[string, Parameters<typeof identify>[0], Partial<{ address: string }>, string | undefined]>([
    ['the order is the one written', { table, neighbours, filename: true }, {}, '52:54:00:00:00:01 table'],
    ['the order is the one written', { filename: true, neighbours, table }, {}, '52:54:00:00:00:03 filename'],
    ['the order is the one written', { neighbours, table }, {}, '52:54:00:00:00:02 neighbours'],
    ['the next when one has no answer', { table, filename: true }, { address: '10.0.0.1' }, '52:54:00:00:00:03 filename'],
    ['IPv6 in any spelling', { table }, { address: '2001:db8::20' }, '52:54:00:00:00:06 table'],
    ['switched off', { filename: false, neighbours: false }, {}, undefined],
    ['nobody knows', { table }, { address: '10.0.0.1' }, undefined],
  ])('%s', async (_, options, client, expected) => {
    const { pipeline } = await serving(identify(options), []);
    const { mac, macSource } = (await pipeline.identify(readRequest(name, client))).client;
    expect(mac && `${mac} ${macSource}`).toBe(expected);
  });

  test.each([
    [{ table: { web1: '52:54:00:00:00:01' } }, 'table.web1: expected an IP address'],
    [{ table: { '10.0.0.1': 'x' } }, 'table.10.0.0.1: expected a MAC address such as 52:54:00:12:34:56, found "x"'],
    [{ filename: 1 }, 'filename: expected true or false, found 1'],
    [{ neighbours: 1 }, 'neighbours: expected true, false or a function, found 1'],
    [{ leases: 'x' }, 'leases: unknown key'],
    [5, ': expected an object, found 5'],
  ])('%o is refused', (options, message) => {
    expect(issuesOf(identify(options as Parameters<typeof identify>[0]))).toEqual([message]);
  });
});

test.each([
  ['pxelinux.cfg/01-52-54-00-12-34-56', true],
  ['pxelinux.cfg/01-52-54-00-12-34-56.cfg', true],
  ['grub/grub.cfg-01-52-54-00-12-34-56', true],
  ['52:54:00:12:34:56/kernel', true],
  ['52-54-00-12-34-56.ipxe', true],
  ['525400123456', true],
  ['cfg/525400123456.cfg', true],
  ['SEP525400123456.cnf.xml', true],
  ['52-54-00-AB-CD-EF', '52:54:00:ab:cd:ef'],
  ['pxelinux.cfg/4c4c4544-0044-4a10-8036-525400123456', undefined],
  ['0044-525400123456', undefined],
  ['5254001234567', undefined],
  ['52-54-00-12-34-56-78', undefined],
  ['06-52-54-00-12-34-56', undefined],
  ['x/ff-ff-ff-ff-ff-ff', undefined],
  ['000000000000', undefined],
  ['01-01-00-5e-00-00-01', undefined],
  ['deadbeef/vmlinuz', undefined],
  ['C0A80714', undefined],
])('%s', (name, expected) => {
  expect(macInName(name)).toBe(expected === true ? '52:54:00:12:34:56' : expected);
});

describe('neighbours', () => {
  const arp = `IP address       HW type     Flags       HW address            Mask     Device
192.168.7.20     0x1         0x2         52:54:00:12:34:56     *        lab0
192.168.7.21     0x1         0x0         00:00:00:00:00:00     *        lab0
192.168.7.2      0x1         0x6         52:54:00:00:00:02     *        lab0
`;
  const ip = JSON.stringify([
    { dst: 'fe80::1', dev: 'lab0', lladdr: '52:54:00:00:00:0a', state: ['STALE'] },
    { dst: 'fe80::1', dev: 'lab1', lladdr: '52:54:00:00:00:0b', state: ['REACHABLE'] },
    { dst: '2001:db8::9', dev: 'lab0', state: ['FAILED'] },
    { dst: '192.168.7.30', dev: 'lab0', lladdr: '52:54:00:00:00:30', state: ['REACHABLE'] },
  ]);
  const none = () => Promise.reject(new Error('ENOENT'));
  const { signal } = new AbortController();

  test.each([
    ['192.168.7.20', '52:54:00:12:34:56'],
    ['::ffff:192.168.7.20', '52:54:00:12:34:56'],
    ['192.168.7.2', '52:54:00:00:00:02'],
    ['192.168.7.21', undefined],
    ['192.168.7.99', undefined],
    ['fe80::1%lab0', '52:54:00:00:00:0a'],
    ['fe80::1%lab1', '52:54:00:00:00:0b'],
    ['fe80::1%lab2', undefined],
    ['2001:db8::9', undefined],
    ['nonsense', undefined],
  ])('%s has %s', async (address, mac) => {
    expect(await neighbourReader({ arp: async () => arp, ip: async () => ip })(address, signal)).toBe(mac);
  });

  test('a process is started only where /proc cannot tell, and one for all who wait', async () => {
    const run = vi.fn(async () => ip);
    const read = neighbourReader({ arp: async () => arp, ip: run });
    await read('192.168.7.30', signal);
    expect(run).not.toHaveBeenCalled();
    await Promise.all([read('fe80::1%lab0', signal), read('fe80::1%lab1', signal)]);
    expect(run).toHaveBeenCalledTimes(1);
    await read('fe80::1%lab1', signal);
    expect(run).toHaveBeenCalledTimes(2);
    expect(await neighbourReader({ arp: none, ip: run })('192.168.7.30', signal)).toBe('52:54:00:00:00:30');
  });

  test('where there is neither, nobody is known', async () => {
    const read = neighbourReader({ arp: none, ip: none });
    expect([await read('192.168.7.20', signal), await read('fe80::1', signal)]).toEqual([undefined, undefined]);
  });

  test('on this machine it answers without an error', async () => {
    expect(await neighbourReader()('203.0.113.1', signal)).toBeUndefined();
  });
});
