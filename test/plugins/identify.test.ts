import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IdentifyOptions } from 'pxe/plugins';
import { hosts, identify } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { KeptState } from '../../src/plugin/kept.ts';
import { Sightings } from '../../src/service/sightings.ts';
import { environment, FakeClock, readRequest, settle, start } from '../plugin/support.ts';
import { scratch } from './leases/support.ts';
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
    [{ table: { web1: '52:54:00:00:00:01' } }, 'table.web1: expected an IP address, found "web1"'],
    [{ table: { '10.0.0.1': 'x' } }, 'table.10.0.0.1: expected a MAC address such as 52:54:00:12:34:56, found "x"'],
    [{ filename: 1 }, 'filename: expected true or false, found 1'],
    [{ neighbours: 1 }, 'neighbours: expected true, false or a function, found 1'],
    [{ lease: 'x' }, 'lease: unknown key'],
    [{ leases: 'x' }, 'leases: expected an array, found "x"'],
    [
      { leases: [{ file: 'x', format: 'isc' }] },
      'leases.0.format: expected "dnsmasq", "dhcpd", "kea", "networkd", "libvirt", "odhcpd" or "udhcpd", found "isc"',
    ],
    [5, ': expected an object, found 5'],
  ])('%o is refused', (options, message) => {
    expect(issuesOf(identify(options as Parameters<typeof identify>[0]))).toEqual([message]);
  });
});

/** Who is found, and by which source. */
async function found(options: IdentifyOptions, name = 'x', address = '10.0.0.1') {
  const { pipeline } = await serving(identify(options), []);
  const { port: _, address: __, ...known } = (await pipeline.identify(readRequest(name, { address }))).client;
  return known;
}

const end = Math.floor(Date.now() / 1000) + 3600;
const lease = (last: number) => `${end} 52:54:00:00:00:0${last} 10.0.0.1 * *\n`;

test('lease files are asked in the order of their list, each as one source', async () => {
  await using folder = await scratch();
  const [first, second, absent] = ['first', 'second', 'absent'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
  ];
  await writeFile(first, `${end} 52:54:00:00:00:01 10.0.0.2 * *\n`);
  await writeFile(second, lease(2));
  const leases = { macSource: 'leases' };
  expect(await found({ leases: [absent, first, second] })).toMatchObject({ mac: '52:54:00:00:00:02', ...leases });
  await appendFile(first, lease(1));
  expect(await found({ leases: [absent, { file: first }, second] })).toMatchObject({ mac: '52:54:00:00:00:01', ...leases });
  expect(await found({ leases: [second, first] })).toMatchObject({ mac: '52:54:00:00:00:02' });
  expect(await found({ leases: [{ file: second, format: 'kea' }], table: { '10.0.0.1': '525400000009' } })).toMatchObject({
    macSource: 'table',
  });
});

test('how long it is known goes with the answer', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'dhcpd.leases');
  await writeFile(
    file,
    `lease 10.0.0.1 {\n cltt epoch ${end - 3660};\n ends epoch ${end};\n hardware ethernet 52:54:00:00:00:01;\n}\n`,
  );
  const { macAgeMs } = await found({ leases: [file] });
  expect(macAgeMs).toBeGreaterThanOrEqual(60_000);
  expect(macAgeMs).toBeLessThan(120_000);
  expect(await found({ neighbours: () => ({ mac: '52:54:00:00:00:01', ageMs: 7 }) })).toMatchObject({
    macSource: 'neighbours',
    macAgeMs: 7,
  });
  expect(await found({ filename: true }, '52:54:00:00:00:01/x')).toMatchObject({ macSource: 'filename', macAgeMs: 0 });
});

test('a UUID or a serial number in the name is an answer, too', async () => {
  const uuid = '4c4c4544-0044-4a10-8036-525400123456';
  expect(await found({ filename: true }, `${uuid}/boot.ipxe`)).toEqual({ uuid, uuidSource: 'filename', uuidAgeMs: 0 });
  expect(await found({ filename: true }, 'd1f0c2aa/start4.elf')).toMatchObject({ serial: 'd1f0c2aa', serialSource: 'filename' });
});

describe('facts of different sources belong to one client', () => {
  const table = { '10.0.0.1': '52:54:00:00:00:01' };
  const uuid = '4c4c4544-0044-4a10-8036-525400123456';
  const fromTable = { mac: '52:54:00:00:00:01', macSource: 'table' };
  const serial = { serial: 'd1f0c2aa', serialSource: 'filename', serialAgeMs: 0 };

  test.each<[string, IdentifyOptions, string, object]>([
    ['a serial number beside the MAC address', { table, filename: true }, 'd1f0c2aa/start4.elf', { ...fromTable, ...serial }],
    ['in either order', { filename: true, table }, 'd1f0c2aa/start4.elf', { ...fromTable, ...serial }],
    ['a UUID', { table, filename: true }, `${uuid}/x`, { ...fromTable, uuid, uuidSource: 'filename', uuidAgeMs: 0 }],
    [
      'the MAC address of the first source, the rest of the second',
      { table, filename: true },
      'd1f0c2aa/01-52-54-00-00-00-03',
      { ...fromTable, ...serial },
    ],
    ['a name that claims nothing', { table, filename: true }, 'vmlinuz', fromTable],
    ['names that are not believed', { table }, 'd1f0c2aa/start4.elf', fromTable],
  ])('%s', async (_, options, name, expected) => {
    expect(await found(options, name)).toEqual(expected);
  });

  const pi = 'serial:10000000d1f0c2aa';

  test.each<[string, Parameters<typeof hosts>[0], string, string | undefined]>([
    ['a serial number in the name finds its entry', { [pi]: { name: 'pi1' } }, 'd1f0c2aa/start4.elf', 'pi1'],
    ['all 16 digits do, too', { [pi]: { name: 'pi1' } }, '10000000d1f0c2aa/start4.elf', 'pi1'],
    ['another one does not', { [pi]: { name: 'pi1' } }, 'd1f0c2ab/start4.elf', undefined],
    ['a UUID finds its entry', { [`uuid:${uuid}`]: { name: 'web1' } }, `${uuid}/boot.ipxe`, 'web1'],
    ["the MAC address' entry goes first", { [pi]: { name: 'pi1' }, [fromTable.mac]: { name: 'web2' } }, 'd1f0c2aa/x', 'web2'],
    ['a claim that is not trusted finds none', { hosts: { [pi]: { name: 'pi1' } }, trust: ['table'] }, 'd1f0c2aa/x', undefined],
  ])('beside a MAC address that is known: %s', async (_, entries, name, host) => {
    const pipeline = await start([identify({ table, filename: true }), hosts(entries)], environment());
    const { client } = (await pipeline.route(readRequest(name, { address: '10.0.0.1' }))).request;
    expect(client).toMatchObject(fromTable);
    expect(client.host?.name).toBe(host);
  });

  test('a source is not asked for what is known already', async () => {
    let asked = 0;
    const neighbours = () => {
      asked++;
      return undefined;
    };
    const { pipeline } = await serving(identify({ neighbours, filename: true }), []);
    const request = readRequest('d1f0c2aa/x', { address: '10.0.0.1', mac: '52:54:00:00:00:01', macSource: 'given' });
    expect((await pipeline.identify(request)).client).toEqual({ ...request.client, ...serial });
    expect(asked).toBe(0);
  });
});

describe('sources that disagree', () => {
  const table = { '10.0.0.1': '52:54:00:00:00:01', '10.0.0.2': '52:54:00:00:00:02' };

  async function asking(options: IdentifyOptions, ...requests: readonly (readonly [address: string, name: string])[]) {
    const { pipeline, env } = await serving(identify(options), []);
    for (const [address, name] of requests) {
      await pipeline.identify(readRequest(name, { address }));
      await settle();
    }
    return env.log.lines.map(({ level, message, fields }) => ({ level, message, ...fields }));
  }

  test('are named once for each pair of answers, and the first one counts', async () => {
    const name = '52:54:00:00:00:03/x';
    const lines = await asking(
      { table, filename: true },
      ['10.0.0.1', name],
      ['10.0.0.1', name],
      ['10.0.0.2', name],
      ['10.0.0.1', 'x'],
    );
    const line = (client: string, mac: string) => ({
      level: 'warn',
      message: 'sources disagree about the MAC address',
      plugin: 'identify',
      ...{ client, source: 'table', mac, otherSource: 'filename', otherMac: '52:54:00:00:00:03' },
    });
    expect(lines).toEqual([line('10.0.0.1', '52:54:00:00:00:01'), line('10.0.0.2', '52:54:00:00:00:02')]);
  });

  test('lease files are named', async () => {
    await using folder = await scratch();
    const file = join(folder.path, 'leases');
    await writeFile(file, lease(7));
    const { pipeline, env } = await serving(identify({ table, leases: [file] }), []);
    await pipeline.identify(readRequest('x', { address: '10.0.0.1' }));
    await expect.poll(() => env.log.lines.map(({ fields }) => fields.otherSource)).toEqual([`leases (${file})`]);
  });

  test('those that agree, know nothing or fail say nothing, and what takes time is asked once a minute', async () => {
    let asked = 0;
    const neighbours = () => {
      asked++;
      throw new Error('no table');
    };
    const name = '52:54:00:00:00:01/x';
    expect(await asking({ table, filename: true, neighbours }, ['10.0.0.1', name], ['10.0.0.1', 'x'], ['10.0.0.1', 'x'])).toEqual(
      [],
    );
    expect(asked).toBe(1);
  });

  test('nobody waits for the second', async () => {
    expect(await asking({ table, neighbours: () => new Promise(() => {}) }, ['10.0.0.1', 'x'])).toEqual([]);
  });

  test('what has been said is remembered of the newest only', async () => {
    const { pipeline, env } = await serving(identify({ filename: true, neighbours: () => '52:54:00:00:00:01' }), []);
    const ask = (host: number) =>
      pipeline.identify(readRequest('52:54:00:00:00:02/x', { address: `10.${host >> 16}.${(host >> 8) & 255}.${host & 255}` }));
    for (let host = 0; host < 10_000; host++) await ask(host);
    await settle();
    expect(env.log.lines).toHaveLength(10_000);
    // The oldest has been forgotten, the newest has not.
    await ask(9_999);
    await ask(0);
    await settle();
    expect(env.log.lines).toHaveLength(10_001);
  });
});

test('a reload does not tell the same of a lease file again', async () => {
  await using folder = await scratch();
  const file = join(folder.path, 'leases');
  await writeFile(file, '');
  const env = environment({ kept: new KeptState() });
  const generation = async () => {
    const pipeline = await start([identify({ leases: [file] })], env);
    await pipeline.identify(readRequest('x', { address: '10.0.0.1' }));
    return pipeline;
  };
  const told = () => env.log.lines.map(({ message }) => message);
  const first = await generation();
  await writeFile(file, 'duid 00:01\n');
  const second = await generation();
  await first.dispose();
  const third = await generation();
  await second.dispose();
  expect(told()).toEqual(['lease file lists no machines']);
  await writeFile(file, lease(1));
  await third.identify(readRequest('x', { address: '10.0.0.1' }));
  expect(told()).toEqual(['lease file lists no machines', 'lease file now lists machines']);
  await third.dispose();
});

test('check tells which lease files tell nothing', async () => {
  await using folder = await scratch();
  const [absent, odd, fine, idle, empty] = ['absent', 'odd', 'fine', 'idle', 'empty'].map((name) => join(folder.path, name)) as [
    string,
    string,
    string,
    string,
    string,
  ];
  await writeFile(odd, 'odd\n');
  await writeFile(idle, '1 52:54:00:12:34:56 not-an-address * *\n[]');
  await writeFile(empty, '');
  await writeFile(fine, lease(1));
  const plugin = identify({
    leases: [fine, absent, { file: odd }, { file: idle, format: 'dnsmasq' }, empty],
    neighbours: true,
    filename: true,
  });
  const { pipeline } = await serving(plugin, []);
  const findings = await pipeline.check();
  const at = ['plugins', 0, 'options', 'leases'];
  expect(findings).toEqual([
    {
      ...{ severity: 'note', path: [...at, 0], file: fine },
      message: '1 lease active, read as dnsmasq: 10.0.0.1 is 52:54:00:00:00:01 (leases)',
    },
    { severity: 'warning', path: [...at, 1], message: expect.stringMatching(/^there is no such file: start/), file: absent },
    { severity: 'error', path: [...at, 2], message: expect.stringMatching(/^is in an unknown format/), file: odd },
    {
      severity: 'warning',
      path: [...at, 3],
      message: expect.stringMatching(/^contains no dnsmasq lease:/),
      file: idle,
    },
  ]);
});

describe('what a machine said by DHCP', () => {
  const uuid = 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab';
  const seen = { mac: '52:54:00:00:00:07', uuid, firmware: 'uefi-x64', arch: 7, service: 'dhcp' } as const;

  async function clientOf(options: IdentifyOptions, address = '10.0.0.1', known: object = {}) {
    const clock = new FakeClock();
    const sightings = new Sightings({ clock });
    const pipeline = await start([identify(options)], environment({ clock, sightings }));
    sightings.see({ ...seen, address: '10.0.0.1' });
    await clock.advance(1500);
    const { port: _, ...client } = (await pipeline.identify(readRequest('x', { address, ...known }))).client;
    return client;
  }

  test('identifies it, with its age, and tells its firmware', async () => {
    expect(await clientOf({ dhcp: true })).toEqual({
      ...{ address: '10.0.0.1', firmware: 'uefi-x64', arch: 7 },
      ...{ mac: seen.mac, macSource: 'dhcp', macAgeMs: 1500, uuid, uuidSource: 'dhcp', uuidAgeMs: 1500 },
    });
  });

  test('not another address, and not where it is switched off', async () => {
    expect(await clientOf({ dhcp: true }, '10.0.0.2')).toEqual({ address: '10.0.0.2' });
    expect(await clientOf({ dhcp: false })).toEqual({ address: '10.0.0.1' });
  });

  test('an IPv4 address in IPv6 clothes is the same', async () => {
    expect(await clientOf({ dhcp: true }, '::ffff:10.0.0.1')).toMatchObject({ mac: seen.mac });
  });

  test('behind a source that knows the MAC address, it adds the rest', async () => {
    expect(await clientOf({ table: { '10.0.0.1': '52:54:00:00:00:01' }, dhcp: true })).toMatchObject({
      ...{ mac: '52:54:00:00:00:01', macSource: 'table', uuid, uuidSource: 'dhcp', firmware: 'uefi-x64', arch: 7 },
    });
  });

  test('the firmware alone, where every fact that it knows is known', async () => {
    const known = { mac: '52:54:00:00:00:01', uuid: 'x' };
    expect(await clientOf({ dhcp: true }, '10.0.0.1', known)).toEqual({
      address: '10.0.0.1',
      ...known,
      firmware: 'uefi-x64',
      arch: 7,
    });
  });

  test('is new with each exchange, and the last program counts', async () => {
    const clock = new FakeClock();
    const sightings = new Sightings({ clock });
    const pipeline = await start([identify({ dhcp: true })], environment({ clock, sightings }));
    sightings.see({ ...seen, address: '10.0.0.1' });
    sightings.see({ mac: seen.mac, firmware: 'ipxe', arch: 7, service: 'dhcp' });
    expect((await pipeline.identify(readRequest('x', { address: '10.0.0.1' }))).client).toMatchObject({
      firmware: 'ipxe',
      arch: 7,
    });
    sightings.see({ mac: '52:54:00:00:00:08', address: '10.0.0.1', service: 'dhcp' });
    expect((await pipeline.identify(readRequest('x', { address: '10.0.0.1' }))).client).toMatchObject({
      mac: '52:54:00:00:00:08',
    });
  });

  test('`trust` knows it', async () => {
    const clock = new FakeClock();
    const sightings = new Sightings({ clock });
    sightings.see({ ...seen, address: '10.0.0.1' });
    const entry = (trust: string[]) => hosts({ hosts: { [seen.mac]: { name: 'web1' } }, trust });
    const hostWith = async (trust: string[]) => {
      const pipeline = await start([identify({ dhcp: true }), entry(trust)], environment({ clock, sightings }));
      return (await pipeline.route(readRequest('kernel', { address: '10.0.0.1' }))).request.client.host?.name;
    };
    expect(await hostWith(['dhcp'])).toBe('web1');
    expect(await hostWith(['leases'])).toBeUndefined();
  });
});
