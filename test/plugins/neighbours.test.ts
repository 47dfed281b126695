import { parseNetwork } from 'pxe/kit';
import { describe, expect, test, vi } from 'vitest';
import { type NeighbourSources, NeighbourTable } from '../../plugins/neighbours.ts';

describe('neighbours', () => {
  const arp = `IP address       HW type     Flags       HW address            Mask     Device
192.168.7.20     0x1         0x2         52:54:00:12:34:56     *        lab0
192.168.7.21     0x1         0x0         00:00:00:00:00:00     *        lab0
192.168.7.2      0x1         0x6         52:54:00:00:00:02     *        lab0
10.0.0.9         0x1         0x2         52:54:00:00:00:ff     *        lab0
`;
  const ip = JSON.stringify([
    { dst: 'fe80::1', dev: 'lab0', lladdr: '52:54:00:00:00:0a', state: ['STALE'] },
    { dst: 'fe80::1', dev: 'lab1', lladdr: '52:54:00:00:00:0b', state: ['REACHABLE'] },
    { dst: '2001:db8::9', dev: 'lab0', used: 1291, confirmed: 1351, updated: 1288, probes: 6, state: ['FAILED'] },
    {
      dst: '2001:db8::a',
      dev: 'lab0',
      lladdr: '52:54:00:00:00:0c',
      used: 148,
      confirmed: 133,
      updated: 92,
      probes: 4,
      state: ['STALE'],
    },
    { dst: '2001:db8:1::9', dev: 'lab0', lladdr: '52:54:00:00:00:ff', state: ['STALE'] },
    { dst: '192.168.7.30', dev: 'lab0', lladdr: '52:54:00:00:00:30', state: ['REACHABLE'] },
  ]);
  const none = () => Promise.reject(new Error('ENOENT'));
  const networks = () => ['192.168.7.1/24', 'fe80::1/64', '2001:db8::1/64'].map((cidr) => parseNetwork(cidr)!);
  const sources = { arp: async () => arp, ip: async () => ip, networks, now: () => 0 };
  const { signal } = new AbortController();
  const neighbourReader = (given: NeighbourSources) => {
    const table = new NeighbourTable(() => {}, given);
    return (address: string, until: AbortSignal) => table.find(address, until);
  };

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
    ['2001:DB8::0:a', '52:54:00:00:00:0c'],
    // Behind a router: what stands in the table is the router's.
    ['10.0.0.9', undefined],
    ['2001:db8:1::9', undefined],
    ['nonsense', undefined],
  ])('%s has %s', async (address, mac) => {
    const found = await neighbourReader(sources)(address, signal);
    expect(found?.mac).toBe(mac);
  });

  test('the age is that of the last confirmation, where the table tells', async () => {
    const read = neighbourReader(sources);
    expect(await read('192.168.7.20', signal)).toEqual({ mac: '52:54:00:12:34:56' });
    expect(await read('2001:db8::a', signal)).toMatchObject({ ageMs: 133_000 });
  });

  test('a process is started only where /proc cannot tell', async () => {
    const run = vi.fn(async () => ip);
    await neighbourReader({ ...sources, ip: run })('192.168.7.30', signal);
    expect(run).not.toHaveBeenCalled();
    expect(await neighbourReader({ ...sources, arp: none, ip: run })('192.168.7.30', signal)).toMatchObject({
      mac: '52:54:00:00:00:30',
    });
  });

  test('a table is read once for all who ask at the same time, and again for those it knows only once it is old', async () => {
    const run = vi.fn(async () => ip);
    let now = 0;
    const read = neighbourReader({ ...sources, ip: run, now: () => now });
    await Promise.all(Array.from({ length: 1000 }, () => read('fe80::1%lab0', signal)));
    expect(run).toHaveBeenCalledTimes(1);
    await Promise.all(Array.from({ length: 1000 }, () => read('2001:db8::a', signal)));
    expect(run).toHaveBeenCalledTimes(1);
    now = 250;
    await Promise.all(Array.from({ length: 1000 }, () => read('2001:db8::a', signal)));
    expect(run).toHaveBeenCalledTimes(2);
  });

  test('who is not in it is looked for in one that was read after the question', async () => {
    const tables = ['[]', ip];
    const run = vi.fn(async () => tables.shift() ?? '[]');
    const read = neighbourReader({ ...sources, ip: run });
    expect(await read('fe80::1%lab0', signal)).toBeUndefined();
    const [one, other] = await Promise.all([read('fe80::1%lab0', signal), read('fe80::1%lab1', signal)]);
    expect([one, other]).toMatchObject([{ mac: '52:54:00:00:00:0a' }, { mac: '52:54:00:00:00:0b' }]);
    expect(run).toHaveBeenCalledTimes(2);
  });

  test('where there is neither, nobody is known', async () => {
    const read = neighbourReader({ ...sources, arp: none, ip: none });
    expect([await read('192.168.7.20', signal), await read('fe80::1', signal)]).toEqual([undefined, undefined]);
  });

  test('why nobody is known is said once, and to those who check', async () => {
    const said: string[] = [];
    const gone = () => Promise.reject(Object.assign(new Error('spawn ip ENOENT'), { code: 'ENOENT' }));
    const table = new NeighbourTable((problem) => said.push(problem), { ...sources, ip: gone });
    for (let i = 0; i < 3; i++) expect(await table.find('fe80::1%lab0', signal)).toBeUndefined();
    expect(said).toEqual([
      'IPv6 neighbours cannot be read (on Linux, IPv4 ones can): the program "ip" is missing: install iproute2',
    ]);
    expect(await table.problems()).toEqual(said);
    expect(await new NeighbourTable(() => {}, sources).problems()).toEqual([]);
  });

  test('on this machine it answers without an error', async () => {
    expect(await new NeighbourTable().find('203.0.113.1', signal)).toBeUndefined();
  });
});
