import { hosts } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { issuesOf, serving } from './support.ts';

const web1 = { mac: '52:54:00:12:34:56' };
const names = [
  'boot.efi',
  'ipxe.efi',
  'web1/boot.efi',
  'web1/only',
  'lab/boot.efi',
  'lab/shared',
  'any/boot.efi',
  'any/else',
  'deep/x/kernel',
];

describe('which entry', () => {
  const folders = ['exact-mac', 'exact-ip', 'mac-4', 'mac-3', 'net-28', 'net-24', 'default'];
  const all = {
    default: { folder: 'default' },
    '192.168.7.0/24': { folder: 'net-24' },
    '192.168.7.16/28': { folder: 'net-28' },
    '52:54:00:*': { folder: 'mac-3' },
    '52-54-00-12-*': { folder: 'mac-4' },
    '192.168.7.20': { folder: 'exact-ip' },
    '5254.0012.3456': { folder: 'exact-mac' },
  };

  test('the narrowest that has the name, whatever the order of the config', async () => {
    for (let first = 0; first < folders.length; first++) {
      const { get } = await serving(hosts(all), [...folders.slice(first).map((folder) => `${folder}/f`), 'f']);
      expect(await get('f', web1)).toBe(`${folders[first]}/f`);
    }
    expect(await (await serving(hosts(all), ['f'])).get('f', web1)).toBe('f');
  });

  test.each([
    ['no MAC address known', {}, 'exact-ip'],
    ['another machine of the pattern', { mac: '52:54:00:99:00:00', address: '10.0.0.1' }, 'mac-3'],
    ['another machine of the network', { address: '192.168.7.30' }, 'net-28'],
    ['just out of the smaller network', { address: '192.168.7.32' }, 'net-24'],
    ['an IPv4 address in IPv6 clothes', { address: '::ffff:192.168.7.20' }, 'exact-ip'],
    ['anybody else', { address: '10.0.0.1' }, 'default'],
    ['IPv6, which no IPv4 network holds', { address: '2001:db8::1' }, 'default'],
  ])('%s', async (_, client, folder) => {
    const { get } = await serving(
      hosts(all),
      folders.map((name) => `${name}/f`),
    );
    expect(await get('f', client)).toBe(`${folder}/f`);
  });

  test('IPv6 by address in any spelling, by network, with a zone', async () => {
    const plugin = hosts({
      '2001:DB8:0::20': { folder: 'one' },
      '2001:db8::/32': { folder: 'net' },
      'fe80::/10': { folder: 'link' },
    });
    const { get } = await serving(plugin, ['one/f', 'net/f', 'link/f']);
    expect(await get('f', { address: '2001:db8::20' })).toBe('one/f');
    expect(await get('f', { address: '2001:db8::21' })).toBe('net/f');
    expect(await get('f', { address: 'fe80::1%lab0' })).toBe('link/f');
    expect(await get('f', { address: '2001:db9::' })).toBe('ERROR 1');
  });

  test('among equals, the first listed', async () => {
    const { get } = await serving(hosts({ '52:54:*': { folder: 'a' }, '*:*:00:12:*': { folder: 'b' } }), ['a/f', 'b/f']);
    expect(await get('f', web1)).toBe('a/f');
  });
});

describe('files and folder', () => {
  const plugin = hosts({
    [web1.mac]: {
      files: { '/boot.efi': 'ipxe.efi', gone: 'missing', 'cfg/*.cfg': 'any/else', 'deep/**': 'deep/x/kernel', 'f?o': 'ipxe.efi' },
      folder: 'web1',
    },
    '52:54:00:*': { folder: 'lab/' },
    default: { files: { 'boot.efi': 'any/boot.efi' } },
  });

  test.each([
    ['a file of `files`, before the folder', 'boot.efi', 'ipxe.efi'],
    ['a target that is missing ends the search', 'gone', 'ERROR 1'],
    ['the folder', 'only', 'web1/only'],
    ['the folder of the next entry', 'shared', 'lab/shared'],
    ['the root', 'ipxe.efi', 'ipxe.efi'],
    ['nowhere', 'nothing', 'ERROR 1'],
    ['* stays in its folder', 'cfg/a.cfg', 'any/else'],
    ['* stays in its folder', 'cfg/a/b.cfg', 'ERROR 1'],
    ['the dot is a dot', 'cfg/axcfg', 'ERROR 1'],
    ['** does not', 'deep/a/b/c', 'deep/x/kernel'],
    ['? is one character', 'foo', 'ipxe.efi'],
    ['? is one character', 'fo', 'ERROR 1'],
    ['a name of Object.prototype', 'constructor', 'ERROR 1'],
  ])('%s: %s', async (_, name, served) => {
    expect(await (await serving(plugin, names)).get(name, web1)).toBe(served);
  });

  test('what was looked for stands in the trace', async () => {
    const { get } = await serving(plugin, names);
    const trace: never[] = [];
    await get('shared', web1, trace);
    expect(trace).toMatchObject([
      { plugin: 'hosts', hook: 'host', before: web1.mac, after: web1.mac },
      {
        plugin: 'hosts',
        after: 'lab/shared (10 bytes)',
        lookups: [
          { name: 'web1/shared', found: false },
          { name: 'lab/shared', found: true },
        ],
      },
    ]);
  });
});

test.each([
  [{ '52:54:zz': {} }, '52:54:zz: expected a MAC address'],
  [{ '192.168.7.0/33': {} }, '192.168.7.0/33: expected a MAC address'],
  [{ default: { folder: '../up' } }, 'default.folder: expected a file or folder under the root'],
  [{ default: { files: { a: '' } } }, 'default.files.a: expected a file or folder under the root'],
  [{ default: { files: { '../a': 'a' } } }, 'default.files.../a: expected a file or folder under the root'],
])('%o is refused', (options, message) => {
  expect(issuesOf(hosts(options))).toEqual([expect.stringContaining(message)]);
});

test('options are typed', () => {
  // @ts-expect-error -- no such key
  expect(issuesOf(hosts({ default: { foldr: 'x' } }))).toEqual(['default.foldr: unknown key']);
});
