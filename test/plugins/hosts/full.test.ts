/** `hosts` in its long form: groups, variables, placeholders, trust, strangers, and what it tells explain and check. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hosts } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { readyPlugins } from '../../../src/plugin/ready.ts';
import type { CheckCall, Client, Host } from '../../../src/plugin/types.ts';
import { codeOf } from '../../../src/tftp/protocol/refusal.ts';
import { environment, fakeFolder, readRequest, recordingLog, start, writeRequest } from '../../plugin/support.ts';
import { scratch } from '../leases/support.ts';
import { issuesOf, serving } from '../support.ts';

const web1 = { mac: '52:54:00:12:34:56' };

/** Of a plugin that is set up alone. */
const context = { configDir: '/lab', watch() {}, keep: <T>(_name: string, make: () => T) => make() };

async function hostOf(plugin: ReturnType<typeof hosts>, client: Partial<Client>, name = 'f'): Promise<Host | undefined> {
  const pipeline = await start([plugin], environment());
  return (await pipeline.host(readRequest(name, client))).client.host;
}

describe('selectors beside addresses', () => {
  const uuid = 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab';
  const plugin = hosts({
    default: { folder: 'default' },
    'name:pxelinux.cfg/*': { folder: 'menus' },
    'name:pxelinux.cfg/01*': { folder: 'menus-01' },
    'name:pxelinux.cfg/default': { folder: 'menu-default' },
    '192.168.7.0/24': { folder: 'net' },
    '*:*:*:12:34:56': { folder: 'ending' },
    'serial:ABCD1234': { folder: 'serial' },
    [`uuid:${uuid.toUpperCase()}`]: { folder: 'uuid' },
  });
  const folders = ['default', 'menus', 'menus-01', 'menu-default', 'net', 'ending', 'serial', 'uuid'];

  test.each<[string, Partial<Client>, string, string]>([
    ['a UUID, in another case', { uuid, serial: 'abcd1234' }, 'f', 'uuid'],
    ['a serial number', { serial: 'abcd1234' }, 'f', 'serial'],
    ['the end of a MAC address', web1, 'f', 'ending'],
    ['a network before a name', { address: '192.168.7.9' }, 'pxelinux.cfg/default', 'net'],
    ['a whole name before a pattern', { address: '10.0.0.1' }, 'pxelinux.cfg/default', 'menu-default'],
    ['the narrower pattern, though listed later', { address: '10.0.0.1' }, 'pxelinux.cfg/01-52', 'menus-01'],
    ['the wider pattern', { address: '10.0.0.1' }, 'pxelinux.cfg/C0A8', 'menus'],
    ['nothing of these', { address: '10.0.0.1' }, 'f', 'default'],
  ])('%s', async (_, client, name, folder) => {
    const { get } = await serving(
      plugin,
      folders.map((one) => `${one}/${name}`),
    );
    expect(await get(name, client)).toBe(`${folder}/${name}`);
  });
});

describe('groups', () => {
  const plugin = hosts({
    hosts: {
      [web1.mac]: { name: 'web1', groups: ['web', 'rack7'], variables: { role: 'web1', port: 1 }, files: { own: 'own.efi' } },
      '52:54:00:*': { folder: 'lab', groups: ['lab'], variables: { role: 'lab', colour: 'red' } },
    },
    groups: {
      web: { groups: ['linux'], files: { 'boot.efi': 'web.efi' }, folder: 'web', variables: { role: 'web', os: 'debian' } },
      linux: { files: { 'boot.efi': 'linux.efi', kernel: 'vmlinuz' }, variables: { os: 'linux', console: 'ttyS0' } },
      rack7: { groups: ['linux'], files: { 'boot.efi': 'rack7.efi', pdu: 'rack7.cfg' }, variables: { console: 'ttyS1' } },
      lab: { variables: { console: 'none', colour: 'blue', quiet: true } },
    },
  });

  test.each([
    ['own files', 'own', 'own.efi'],
    ['the first group before its groups and the next one', 'boot.efi', 'web.efi'],
    ['a folder of the group', 'index', 'web/index'],
    ['a group of the group', 'kernel', 'vmlinuz'],
    ['the second group', 'pdu', 'rack7.cfg'],
    ['the next entry that matches', 'shared', 'lab/shared'],
    ['the root', 'plain', 'plain'],
  ])('%s', async (_, name, served) => {
    const files = ['own.efi', 'web.efi', 'linux.efi', 'web/index', 'vmlinuz', 'rack7.cfg', 'rack7.efi', 'lab/shared', 'plain'];
    expect(await (await serving(plugin, files)).get(name, web1)).toBe(served);
  });

  test('variables of the narrowest first, each group once', async () => {
    expect(await hostOf(plugin, web1)).toEqual({
      name: 'web1',
      groups: ['web', 'linux', 'rack7', 'lab'],
      variables: { role: 'web1', port: 1, os: 'debian', console: 'ttyS0', colour: 'red', quiet: true },
      restsOn: [['mac'], ['mac']],
    });
    expect((await hostOf(plugin, { mac: '52:54:00:99:99:99' }))?.name).toBe('52:54:00:*');
    expect(await hostOf(plugin, { mac: '00:00:5e:00:00:01' })).toBeUndefined();
  });

  test('a variable cannot reach Object.prototype', async () => {
    const variables = JSON.parse('{ "__proto__": { "admin": true }, "constructor": 1 }');
    const host = await hostOf(hosts({ default: { variables } }), {});
    expect(Object.keys(host!.variables)).toEqual(['constructor']);
    expect((host!.variables as { admin?: unknown }).admin).toBeUndefined();
  });

  test.each([
    [{ groups: { web: {} }, hosts: { default: { groups: ['wbe'] } } }, 'hosts.default.groups.0: no group "wbe"'],
    [{ groups: { web: { groups: ['none'] } } }, 'groups.web.groups.0: no group "none"'],
    [
      { groups: { a: { groups: ['b'] }, b: { groups: ['c'] }, c: { groups: ['b'] } } },
      'groups.b.groups: groups form a cycle: b → c → b',
    ],
    [{ groups: { a: { groups: ['a'] } } }, 'groups.a.groups: groups form a cycle: a → a'],
    [{ [web1.mac]: { groups: ['web'] } }, '52:54:00:12:34:56.groups.0: no group "web"'],
  ])('%o: %s', (options, message) => {
    expect(issuesOf(hosts(options))).toEqual([message]);
  });

  test('many groups of groups cost no more than there are', async () => {
    const groups = Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [`g${n}`, { groups: n === 0 ? [] : [`g${n - 1}`, `g${Math.max(0, n - 2)}`] }]),
    );
    expect((await hostOf(hosts({ hosts: { default: { groups: ['g59'] } }, groups }), {}))?.groups).toHaveLength(60);
  });
});

describe('what is filled in', () => {
  const plugin = hosts({
    default: {
      folder: 'hosts/{mac}',
      files: {
        'id.cfg': 'ids/{serial}.cfg',
        'ip.cfg': 'ip/{address}',
        'named.cfg': 'n/{host}/{mac-dashes}',
        ...{ 'bare.cfg': 'b/{mac-bare}', 'raw.cfg': 'b/{mac-raw}', 'hex.cfg': 'x/{address-hex}', 'hex2.cfg': 'x/{hex-address}' },
      },
    },
  });
  const files = [
    'hosts/52:54:00:12:34:56/f',
    'ids/abcd.cfg',
    'ip/192.168.7.20',
    'n/default/52-54-00-12-34-56',
    'secret',
    'f',
    'b/525400123456',
    'x/C0A80714',
    'x/20010DB8000000000000000000000020',
  ];

  test.each<[string, Partial<Client>, string, string]>([
    ['mac', web1, 'f', 'hosts/52:54:00:12:34:56/f'],
    ['mac that is not known: the folder is left out', {}, 'f', 'f'],
    ['serial', { serial: 'abcd' }, 'id.cfg', 'ids/abcd.cfg'],
    ['serial that is not known: the entry of files is left out', {}, 'id.cfg', 'ERROR 1'],
    ['address', { address: '::ffff:192.168.7.20' }, 'ip.cfg', 'ip/192.168.7.20'],
    ['host and mac with dashes', web1, 'named.cfg', 'n/default/52-54-00-12-34-56'],
    ['mac without separators', web1, 'bare.cfg', 'b/525400123456'],
    ["the same by iPXE's name", web1, 'raw.cfg', 'b/525400123456'],
    ['mac without separators, where it is not known', {}, 'bare.cfg', 'ERROR 1'],
    ['address in hex', { address: '::ffff:192.168.7.20' }, 'hex.cfg', 'x/C0A80714'],
    ['IPv6 address in hex', { address: '2001:db8::20' }, 'hex.cfg', 'x/20010DB8000000000000000000000020'],
    ['the same by the name of templates', {}, 'hex2.cfg', 'x/C0A80714'],
    ['a serial that would climb', { serial: '../..' }, 'id.cfg', 'ERROR 1'],
    ['a serial that would be a folder', { serial: 'a/b' }, 'id.cfg', 'ERROR 1'],
  ])('%s', async (_, client, name, served) => {
    expect(await (await serving(plugin, files)).get(name, client)).toBe(served);
  });

  test('a placeholder that is none', () => {
    const { issues } = readyPlugins([hosts({ default: { folder: 'hosts/{Mac}' } })]);
    expect(issues).toMatchObject([
      {
        message: 'contains an unknown placeholder',
        hint: 'known: {mac}, {mac-dashes}, {mac-bare}, {address}, {address-hex}, {uuid}, {serial}, {host}',
      },
    ]);
  });
});

describe('trust', () => {
  const plugin = hosts({
    hosts: {
      [web1.mac]: { folder: 'web1' },
      'serial:abcd': { folder: 'pi' },
      '192.168.7.20': { folder: 'ip' },
      default: { folder: 'any/{mac}' },
    },
    trust: ['table', 'leases'],
  });
  const files = ['web1/f', 'pi/f', 'ip/f', 'any/52:54:00:12:34:56/f', 'f'];

  test.each<[string, Partial<Client>, string]>([
    ['table', { ...web1, macSource: 'table' }, 'web1/f'],
    ['leases of a file', { ...web1, macSource: 'leases:/var/lib/misc/dnsmasq.leases' }, 'web1/f'],
    ['another that only begins so', { ...web1, macSource: 'leases2' }, 'ip/f'],
    ['the name of the file', { ...web1, macSource: 'filename' }, 'ip/f'],
    ['a serial number in the name', { serial: 'abcd', serialSource: 'filename' }, 'ip/f'],
    ['nor does it fill anything in', { ...web1, macSource: 'filename', address: '10.0.0.1' }, 'f'],
    ['given to pxe explain', { ...web1, macSource: 'given' }, 'web1/f'],
    ['each fact for itself', { ...web1, macSource: 'filename', serial: 'abcd', serialSource: 'table' }, 'pi/f'],
    [
      'one fact does not vouch for another',
      { mac: '52:54:00:00:00:09', macSource: 'leases', serial: 'abcd', serialSource: 'filename' },
      'ip/f',
    ],
  ])('%s', async (_, client, served) => {
    expect(await (await serving(plugin, files)).get('f', client)).toBe(served);
  });

  test('all of them, unless the config says otherwise', async () => {
    const { get } = await serving(hosts({ hosts: { [web1.mac]: { folder: 'web1' } } }), files);
    expect(await get('f', { ...web1, macSource: 'filename' })).toBe('web1/f');
  });

  const byAll = hosts({
    [web1.mac]: {},
    '52:54:00:*': {},
    'serial:10000000abcdabcd': {},
    '192.168.7.20': {},
    default: {},
  });

  test.each<[string, Partial<Client>, Host['restsOn']]>([
    ['an entry by MAC address, and a pattern', web1, [['mac'], ['mac']]],
    ['a serial number beside it', { mac: '00:00:5e:00:00:01', serial: 'abcdabcd' }, [['serial']]],
    ['nothing but the address', {}, undefined],
  ])('a host tells what it rests on: %s', async (_, client, restsOn) => {
    expect((await hostOf(byAll, client))?.restsOn).toEqual(restsOn);
  });

  test('an entry that two facts select rests on either', async () => {
    await using folder = await scratch();
    await writeFile(join(folder.path, 'rack.csv'), `mac,serial,name\n${web1.mac},abcdabcd,web1\n`);
    const both = hosts({ file: join(folder.path, 'rack.csv') });
    expect((await hostOf(both, { ...web1, serial: 'abcdabcd' }))?.restsOn).toEqual([['mac', 'serial']]);
    expect((await hostOf(both, { ...web1, serial: 'other' }))?.restsOn).toEqual([['mac']]);
    expect((await hostOf(both, { serial: 'abcdabcd' }))?.restsOn).toEqual([['serial']]);
    // Any client can claim a serial number; this one is known to be another machine.
    expect(await hostOf(both, { mac: '52:54:00:00:00:09', serial: 'abcdabcd' })).toBeUndefined();
  });
});

describe('unknown machines', () => {
  const known = { hosts: { [web1.mac]: {}, 'name:public/*': {} } };
  const files = ['f', 'public/f', 'rescue.efi', 'guests/f', 'guests/g'];

  test.each<['serve' | 'refuse' | object | undefined, string, string]>([
    [undefined, 'f', 'f'],
    ['serve', 'f', 'f'],
    ['refuse', 'f', 'ERROR 2'],
    ['refuse', 'none', 'ERROR 2'],
    ['refuse', 'public/f', 'public/f'],
    [{ files: { 'boot.efi': 'rescue.efi' } }, 'boot.efi', 'rescue.efi'],
    [{ files: { 'boot.efi': 'rescue.efi' } }, 'f', 'ERROR 1'],
    [{ folder: 'guests' }, 'g', 'guests/g'],
    [{ folder: 'guests' }, 'rescue.efi', 'ERROR 1'],
    [{}, 'f', 'ERROR 1'],
  ])('%o: %s is %s', async (unknown, name, served) => {
    const { get } = await serving(hosts({ ...known, unknown: unknown as never }), files);
    expect(await get(name)).toBe(served);
    expect(await get('f', web1)).toBe('f');
  });

  test.each([
    ['serve', {}, undefined],
    ['refuse', {}, 2],
    [{ folder: 'guests' }, {}, 2],
    ['refuse', web1, undefined],
  ] as const)('uploads, %o, from %o: ERROR %o', async (unknown, client, code) => {
    const pipeline = await start([hosts({ ...known, unknown })], environment());
    const request = { ...writeRequest('f'), client: { address: '10.0.0.1', port: 2070, ...client } };
    const { error } = await pipeline.route(request);
    expect(error && codeOf(error)).toBe(code);
  });

  test('who another plugin knows is not unknown', async () => {
    const pipeline = await start(
      [hosts({ [web1.mac]: { folder: 'web1' } }), hosts({ unknown: 'refuse' })],
      environment({ root: fakeFolder({ f: 'f' }) }),
    );
    expect((await pipeline.route(readRequest('f', web1))).error).toBeUndefined();
    expect(codeOf((await pipeline.route(readRequest('f'))).error!)).toBe(2);
  });
});

function call(files: readonly string[]): CheckCall {
  return {
    clients: async () => [],
    signal: new AbortController().signal,
    log: recordingLog(),
    root: fakeFolder(Object.fromEntries(files.map((name) => [name, name]))),
    sources: [{ tells: ['mac', 'uuid', 'serial'] }],
    note() {},
  };
}

test('machines: who is one machine, and the names that its entries give', async () => {
  const { plugins } = readyPlugins([
    hosts({
      hosts: {
        [web1.mac]: { name: 'web1', groups: ['web'], files: { 'boot.efi': 'a', '*.cfg': 'b' } },
        'serial:ABCD': {},
        '192.168.7.20': {},
        '52:54:00:*': { files: { shared: 'a' } },
        'name:x': { files: { x: 'a' } },
        default: { files: { 'boot.efi': 'c', any: 'c' } },
      },
      groups: { web: { files: { kernel: 'k' } } },
    }),
  ]);
  const { plugin, options } = plugins[0]!;
  const hooks = await plugin.definition.setup(options, context as never);
  expect(Array.from(await hooks.machines!(call([])), ({ fingerprint: _, ...machine }) => machine)).toEqual([
    { name: 'web1', mac: web1.mac, names: ['boot.efi', 'kernel', 'shared', 'any'] },
    { name: 'serial:ABCD', serial: 'abcd', names: ['boot.efi', 'any'] },
    { name: '192.168.7.20', address: '192.168.7.20', names: ['boot.efi', 'any'] },
  ]);
});

describe('check', () => {
  const findings = async (written: Parameters<typeof hosts>[0], files: readonly string[] = []) => {
    const { plugins, issues } = readyPlugins([hosts(written)]);
    expect(issues).toEqual([]);
    const { plugin, options } = plugins[0]!;
    const hooks = await plugin.definition.setup(options, context as never);
    return [...(await hooks.check!(call(files)))].map(
      ({ severity, path, message }) => `${severity} ${path.join(' ')}: ${message}`,
    );
  };

  test('nothing of a config that is right', async () => {
    const right = {
      hosts: {
        [web1.mac]: { groups: ['web'], files: { '*.efi': 'a', '**': 'b', 'x.efi': 'c', y: 'ids/{serial}' } },
        '52:54:00:*': {},
      },
      groups: { web: {} },
      trust: ['table', 'leases:/var/lib/misc/dnsmasq.leases', 'mine'],
      unknown: 'refuse',
    } as const;
    expect(await findings(right, ['a', 'b', 'c'])).toEqual([]);
  });

  test('no file is reported absent where the root is: that is a finding about `rootDir`', async () => {
    const { plugins } = readyPlugins([hosts({ default: { files: { a: 'gone' }, folder: 'gone' } })]);
    const { plugin, options } = plugins[0]!;
    const hooks = await plugin.definition.setup(options, context as never);
    const missing = async () => {
      throw new Error('ENOENT');
    };
    const root = { ...fakeFolder({}), has: missing, list: async () => undefined };
    expect([...(await hooks.check!({ ...call([]), root }))]).toEqual([]);
  });

  test('an entry that only says what to boot needs no source: DHCP says who asks', async () => {
    const check = async (entry: object) => {
      const { plugins } = readyPlugins([hosts({ [web1.mac]: entry })]);
      const hooks = await plugins[0]!.plugin.definition.setup(plugins[0]!.options, context as never);
      const found = [...(await hooks.check!({ ...call(['a']), sources: [] }))];
      return found.map(({ message }) => message.replace(/:.*before hosts:/, ': …'));
    };
    expect(await check({ boot: 'a' })).toEqual([]);
    expect(await check({ boot: 'a', files: { b: 'a' } })).toEqual([
      'can never match a machine that asks for a file: … identify({ dhcp: true })',
    ]);
    expect(await check({ files: { b: 'a' } })).toEqual(['can never match: … identify({ neighbours: true })']);
  });

  test.each<[Parameters<typeof hosts>[0], string]>([
    [
      { [web1.mac]: {}, '5254.0012.3456': {} },
      'error 5254.0012.3456: is listed twice: ["52:54:00:12:34:56"] comes first, and this entry adds only what is missing there; merge the two',
    ],
    [{ '2001:db8::/32': {}, '2001:DB8:0::/32': {} }, 'error 2001:DB8:0::/32: is listed twice: ["2001:db8::/32"] comes first'],
    [{ '52:54:00:*': {}, '52-54-00-*-*-*': {} }, 'error 52-54-00-*-*-*: is listed twice'],
    [{ 'name:/a': {}, 'name:a': {} }, 'error name:a: is listed twice'],
    [
      { default: { files: { '*.efi': 'a', 'boot*.efi': 'a' } } },
      'warning default files boot*.efi: can never match: "*.efi" comes first',
    ],
    [{ default: { files: { a: 'a', '/a': 'a' } } }, 'warning default files /a: can never match: "a" comes first'],
    [{ hosts: { default: {} }, groups: { web: {} } }, 'warning groups web: no host belongs to this group'],
    [{ hosts: { default: {} }, unknown: 'refuse' }, 'warning unknown: has no effect: hosts.default matches every machine'],
    [{ trust: ['neighbors'] }, 'warning trust 0: no plugin here knows this source; did you mean "neighbours"?'],
    [{ default: { files: { a: 'gone' } } }, 'error default files a: there is no file "gone" under the root'],
    [
      { [web1.mac]: { files: { a: 'x/{mac}' } } },
      `error ${web1.mac} files a: there is no file "x/52:54:00:12:34:56" under the root`,
    ],
    [
      { hosts: { default: { groups: ['g'] } }, groups: { g: { files: { a: 'gone' } } } },
      'error groups g files a: there is no file "gone"',
    ],
    [{ unknown: { files: { a: 'gone' } } }, 'error unknown files a: there is no file "gone"'],
  ])('%o', async (written, message) => {
    expect(await findings(written, ['a'])).toEqual([expect.stringContaining(message)]);
  });
});

test.each<[object, string, string | undefined]>([
  [{ hosts: {}, gruops: {} }, 'gruops: unknown key', 'did you mean "groups"?'],
  [{ host: {} }, 'host: unknown key', 'did you mean "hosts"?'],
  [{ hosts: {}, [web1.mac]: {} }, `${web1.mac}: unknown key`, 'valid keys: hosts, groups, file, columns, trust, unknown'],
  [{ hosts: { '52:54:zz': {} } }, 'hosts.52:54:zz: expected a MAC address', undefined],
  [{ 'uuid:1': {} }, 'uuid:1: expected a MAC address', undefined],
  [{ 'name:../x': {} }, 'name:../x: expected a MAC address', undefined],
  [{ unknown: 'deny' }, 'unknown: expected "serve", "refuse" or an object, found "deny"', undefined],
  [{ hosts: { default: { group: ['web'] } } }, 'hosts.default.group: unknown key', 'did you mean "groups"?'],
  [
    { hosts: { default: { groups: 'web' } } },
    'hosts.default.groups: expected an array, found "web"',
    'write it in brackets: […]',
  ],
  [{ trust: 'table' }, 'trust: expected an array, found "table"', 'write it in brackets: […]'],
])('%o is refused', (options, message, hint) => {
  const { issues } = readyPlugins([hosts(options as never)]);
  expect(issues.map(({ path, message }) => `${path.slice(3).map(String).join('.')}: ${message}`)).toEqual([
    expect.stringContaining(message),
  ]);
  expect(issues[0]!.hint).toBe(hint);
});
