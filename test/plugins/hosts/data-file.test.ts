/** Hosts from JSON, YAML and CSV files: what they say, and what is told of each mistake. */

import { join } from 'node:path';
import { ConfigError } from 'pxe';
import { hosts } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { readDataFile } from '../../../plugins/hosts/data-file.ts';
import { PluginError } from '../../../src/plugin/error.ts';
import type { Client } from '../../../src/plugin/types.ts';
import { codeOf } from '../../../src/tftp/protocol/refusal.ts';
import { folderOf } from '../../config/support.ts';
import { reloadingLab } from '../../kit/reloading.ts';
import { environment, fakeFolder, readRequest, start } from '../../plugin/support.ts';

/** A pipeline of `hosts` with these files, and how to ask it. */
async function withFiles(files: Record<string, string>, options: object = {}) {
  const configDir = folderOf(files);
  const root = fakeFolder({ 'uefi.efi': '', 'bios.0': '', 'web/f': '', 'lab/f': '', f: '' });
  const env = environment({ configDir, root });
  const pipeline = await start([hosts({ file: Object.keys(files), ...options })], env);
  return {
    watched: env.watched.map((path) => path.slice(configDir.length + 1)),
    async get(name: string, client: Partial<Client>): Promise<string> {
      const { served, error, request } = await pipeline.route(readRequest(name, client));
      return `${request.client.host?.name} ${error ? `ERROR ${codeOf(error)}` : served}`;
    },
    host: async (client: Partial<Client>) => (await pipeline.host(readRequest('f', client))).client.host,
  };
}

const rack = `# the rack of room 12
mac,address,name,groups,folder,file:boot.efi,var.role,Rack
52:54:00:12:34:56,192.168.7.20,web1,web debian,,uefi.efi,"front, 1",7
52-54-00-12-34-57,192.168.7.21,web2,,lab,,,

,192.168.8.0/24,,,lab,bios.0,"two
lines",8
52:54:00:*,,,web|debian,,,,
`;
const groups = { groups: { web: { folder: 'web', variables: { role: 'web' } }, debian: {} } };

describe('CSV', () => {
  test.each<[string, Partial<Client>, string, string]>([
    ['by MAC address', { mac: '52:54:00:12:34:56', address: '10.0.0.1' }, 'boot.efi', 'web1 uefi.efi'],
    ['by address, as long as no MAC address is known', { address: '192.168.7.20' }, 'boot.efi', 'web1 uefi.efi'],
    ['another machine that has got the address', { mac: '00:00:5e:00:00:01', address: '192.168.7.20' }, 'f', 'undefined f'],
    [
      'the row of the MAC address, not that of the address',
      { mac: '52:54:00:12:34:57', address: '192.168.7.20' },
      'f',
      'web2 lab/f',
    ],
    ['a group of the row', { mac: '52:54:00:12:34:56' }, 'f', 'web1 web/f'],
    ['a network', { address: '192.168.8.9' }, 'boot.efi', '192.168.8.0/24 bios.0'],
    ['a pattern', { mac: '52:54:00:00:00:01' }, 'f', '52:54:00:* web/f'],
  ])('%s', async (_, client, name, answer) => {
    expect(await (await withFiles({ 'rack.csv': rack }, groups)).get(name, client)).toBe(answer);
  });

  test('variables; an empty cell leaves the group its say', async () => {
    const { host, watched } = await withFiles({ 'rack.csv': rack }, groups);
    expect((await host({ mac: '52:54:00:12:34:56' }))?.variables).toEqual({ role: 'front, 1', Rack: '7' });
    expect((await host({ mac: '52:54:00:00:00:01' }))?.variables).toEqual({ role: 'web' });
    expect((await host({ address: '192.168.8.1' }))?.variables).toEqual({ role: 'two\nlines', Rack: '8' });
    expect(watched).toEqual(['rack.csv']);
  });

  test.each([
    ['semicolons below a comment', '# rack 7, room 12\n\nmac;name\n52:54:00:12:34:56;web1\n'],
    ['semicolons', 'mac;name\n52:54:00:12:34:56;web1\n'],
    ['tabs', 'mac\tname\n52:54:00:12:34:56\tweb1\n'],
    ['a byte order mark and CRLF', '\ufeffmac,name\r\n52:54:00:12:34:56,web1\r\n'],
    ['blanks around, capitals', ' MAC , Name \n 52:54:00:12:34:56 , web1 \n'],
    ['no newline at the end', 'name,mac\nweb1,525400123456'],
  ])('%s', async (_, text) => {
    expect((await (await withFiles({ 'rack.csv': text })).host({ mac: '52:54:00:12:34:56' }))?.name).toBe('web1');
  });
});

describe('YAML and JSON', () => {
  const yaml = `
groups:
  web: { folder: web, variables: { ports: [80, 443] } }
hosts:
  52:54:00:12:34:56: { name: web1, groups: [web], files: { boot.efi: uefi.efi } }
  default: { folder: lab }
`;
  const rows =
    'hosts:\n  - { mac: 52:54:00:12:34:56, address: 192.168.7.20, name: web1, groups: [] }\n  - match: default\n    folder: lab\n';
  const json = JSON.stringify({ hosts: { '52:54:00:12:34:56': { name: 'web1' } } }, null, '\t');

  test.each([
    ['hosts.yaml', yaml, 'boot.efi', 'web1 uefi.efi'],
    ['hosts.yml', yaml, 'f', 'web1 web/f'],
    ['rows.yaml', rows, 'f', 'web1 lab/f'],
    ['hosts.json', json, 'f', 'web1 f'],
    ['short.yaml', '52:54:00:12:34:56:\n  name: web1\n', 'f', 'web1 f'],
    ['empty.yaml', 'hosts: {}\n', 'f', 'undefined f'],
  ])('%s: %s', async (file, text, name, answer) => {
    expect(await (await withFiles({ [file]: text })).get(name, { mac: '52:54:00:12:34:56' })).toBe(answer);
  });

  test('variables keep their types', async () => {
    const { host } = await withFiles({ 'hosts.yaml': yaml });
    expect((await host({ mac: '52:54:00:12:34:56' }))?.variables).toEqual({ ports: [80, 443] });
  });

  test('several files, and the config itself: the config first, then file by file', async () => {
    const files = {
      'a.yaml': 'default: { name: a, variables: { x: a, y: a } }',
      'b.yaml': 'default: { name: b, variables: { x: b, z: b } }',
    };
    const { host } = await withFiles(files, { hosts: { default: { variables: { w: 'config' } } } });
    expect(await host({})).toEqual({ name: 'default', groups: [], variables: { w: 'config', x: 'a', y: 'a', z: 'b' } });
  });

  test('a group of a file for a host of the config, and the other way round', async () => {
    const { host } = await withFiles(
      { 'a.yaml': 'groups: { web: { variables: { from: file } } }\nhosts: { 52:54:00:*: { groups: [lab] } }' },
      { hosts: { default: { groups: ['web'] } }, groups: { lab: { variables: { in: 'config' } } } },
    );
    expect(await host({ mac: '52:54:00:00:00:01' })).toMatchObject({
      groups: ['lab', 'web'],
      variables: { from: 'file', in: 'config' },
    });
  });
});

describe('mistakes', () => {
  const told = async (name: string, text: string | Uint8Array): Promise<string[]> => {
    const folder = folderOf({ [name]: text as string });
    const { issues } = await readDataFile(join(folder, name));
    return issues.map(({ place, path, message, hint }) =>
      [
        `${place?.line}${place?.column === undefined ? '' : `:${place.column}`}`,
        ...(path.length > 0 ? [path.join('.')] : []),
        message.replace(join(folder, name), 'FILE'),
        ...(hint === undefined ? [] : [`(${hint})`]),
      ].join(' '),
    );
  };

  test.each<[string, string, readonly string[]]>([
    ['x.csv', '', ['1 is empty (its first line must name the columns, as in mac,name,groups,folder)']],
    [
      'x.csv',
      'name,folder\na,b\n',
      [
        '1 no column identifies the machine (the first line must name the columns, including at least one of mac, address, uuid, serial, match)',
      ],
    ],
    [
      'x.csv',
      'mac,name\n52:54:zz,a\n52:54:00:00:00:01,b\n\n5254,c\n',
      [
        '2 column "mac": expected a MAC address such as 52:54:00:12:34:56, or a pattern such as 52:54:00:*, found "52:54:zz"',
        '5 column "mac": expected a MAC address such as 52:54:00:12:34:56, or a pattern such as 52:54:00:*, found "5254"',
      ],
    ],
    [
      'x.csv',
      'mac,address\n52:54:00:00:00:01,10.0.0.256\n',
      ['2 column "address": expected an IP address or a network (192.168.7.0/24), found "10.0.0.256"'],
    ],
    [
      'x.csv',
      'mac,grups\n',
      [
        '1 unknown column "grups" (did you mean "groups"? for a variable write "var.grups", for anything else use the option `columns`)',
      ],
    ],
    ['x.csv', 'mac,name,name\n', ['1 column "name" appears twice (remove one of them)']],
    ['x.csv', 'mac,,name\n52:54:00:00:00:01,x,\n', ['2 column 2 has no name, but contains "x" (name it on line 1)']],
    [
      'x.csv',
      'mac,name\n52:54:00:00:00:01\n',
      ['2 expected 2 columns as on line 1, found 1 (a comma within a cell? put the cell in quotes: "a, b")'],
    ],
    ['x.csv', 'mac,name\n52:54:00:00:00:01,"a\n', ['2 a quote is opened and never closed']],
    [
      'x.csv',
      'mac,name\n52:54:00:00:00:01,a"b\n',
      ['2 there is a quote inside a cell; put the whole cell in quotes, and double the quotes in it'],
    ],
    [
      'x.csv',
      'mac,file:boot.efi\n52:54:00:00:00:01,../up\n',
      ['2 column "file:boot.efi": expected a file or folder under the root, without .., found "../up"'],
    ],
    [
      'x.csv',
      'mac,file:../x\n52:54:00:00:00:01,up\n',
      ['2 column "file:../x": expected a file or folder under the root, without .., found "../x"'],
    ],
    ['x.yaml', '', ['1 is empty (remove it from `file`, or write `hosts: {}`)']],
    ['x.yaml', 'hosts:\n  default:\n    folder: [a]\n', ['3:5 hosts.default.folder expected a string, found an array']],
    ['x.yaml', 'hosts:\n  default: {}\n  default: {}\n', ['3:3 key "default" appears twice (merge the two)']],
    [
      'x.yaml',
      'hosts:\n  - mac: 52:54:00:00:00:01\n    grups: [web]\n',
      ['3:5 hosts.0.grups unknown key (did you mean "groups"?)'],
    ],
    [
      'x.yaml',
      'hosts:\n  - name: web1\n',
      ['2:5 hosts.0 does not identify a machine (it has none of mac, address, uuid, serial, match)'],
    ],
    [
      'x.yaml',
      '52:54:zz: {}\n',
      [
        '1:1 52:54:zz expected a MAC address (52:54:00:12:34:56), a MAC pattern (52:54:00:*), an IP address, a network (192.168.7.0/24), uuid:…, serial:…, name:… or default, found "52:54:zz"',
      ],
    ],
    ['x.yaml', '- default\n', ['1:3 0 expected an object, found "default"']],
    ['x.yaml', 'hosts: {\n', ['2:1 flow map in block collection must be sufficiently indented and end with a }']],
    [
      'x.json',
      '{\n  "hosts": {\n    "default": { "foldr": "x" }\n  }\n}\n',
      ['3:18 hosts.default.foldr unknown key (did you mean "folder"?)'],
    ],
    ['x.json', '{ "hosts": { "default": {} }\n', ['2:1 flow map must end with a }']],
    ['x.txt', '', ['undefined FILE has an unknown extension (extensions are: .json, .yaml, .yml, .csv, .tsv)']],
  ])('%s %o', async (name, text, messages) => {
    expect(await told(name, text)).toEqual(messages);
  });

  test('a file that is not there, and one in another encoding', async () => {
    const { issues } = await readDataFile(join(folderOf({}), 'gone.csv'));
    expect(issues).toMatchObject([
      {
        message: expect.stringMatching(/^\/.*\/gone\.csv does not exist$/),
        hint: 'is the path right? it is relative to the config',
      },
    ]);
    expect(issues[0]).not.toHaveProperty('place');
    expect(await told('x.csv', Buffer.from('mac,name\n52:54:00:00:00:01,\xe9\n', 'latin1'))).toEqual([
      '1 is not in UTF-8 (save it as UTF-8 (in Excel: "CSV UTF-8"))',
    ]);
  });

  test('all files are told at once, with their places; then nothing is served under them', async () => {
    const files = { 'a.csv': 'mac\nx\n', 'b.yaml': 'default: { folder: 1 }' };
    const error = await withFiles(files).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PluginError);
    const cause = (error as PluginError).cause as ConfigError;
    expect(cause).toBeInstanceOf(ConfigError);
    expect(cause.message.replace(/\S*\/(?=[ab]\.)/g, '')).toBe(
      [
        'config: 2 problems',
        '  a.csv:2: column "mac": expected a MAC address such as 52:54:00:12:34:56, or a pattern such as 52:54:00:*, found "x"',
        '  b.yaml:1:12: default.folder: expected a string, found 1',
        '    write it in quotes: "1"',
      ].join('\n'),
    );
  });

  test('of a table that is wrong in every line the first are told, and how many more there are', async () => {
    const error = (await withFiles({ 'a.csv': `mac\n${'x\n'.repeat(1000)}` }).catch((thrown: unknown) => thrown)) as PluginError;
    const { issues } = error.cause as ConfigError;
    expect([issues.length, issues[24]?.place?.line, issues[25]?.message]).toEqual([26, 26, 'and 975 more']);
  });

  test.each([
    [{ 'a.csv': 'mac,groups\n52:54:00:00:00:01,wbe\n' }, 'a.csv:2: groups[0]: no group "wbe"\n    did you mean "web"?'],
    [
      { 'a.yaml': 'hosts:\n  default:\n    groups: [wbe]\n' },
      'a.yaml:2:3: hosts.default.groups[0]: no group "wbe"\n    did you mean "web"?',
    ],
    [{ 'a.yaml': 'groups: { web: {} }' }, 'a.yaml:1:11: groups.web: group "web" is listed twice\n    keep one, or rename one'],
  ])('%o', async (files, message) => {
    const error = (await withFiles(files, { groups: { web: {} } }).catch((thrown: unknown) => thrown)) as PluginError;
    expect((error.cause as Error).message.replace(/^\S*\/(?=a\.)/, '')).toBe(message);
  });

  test('a host of the config whose group no file has', async () => {
    const error = (await withFiles({ 'a.yaml': 'hosts: {}' }, { hosts: { default: { groups: ['web'] } } }).catch(
      (thrown: unknown) => thrown,
    )) as PluginError;
    expect((error.cause as ConfigError).issues).toMatchObject([
      { path: ['hosts', 'default', 'groups', 0], message: 'no group "web"' },
    ]);
  });
});

test('a saved table takes effect; a mistake in it keeps the one in force', async () => {
  const at = await reloadingLab({
    config: `import { defineConfig } from 'pxe'; import { hosts } from 'pxe/plugins';
      export default defineConfig({ rootDir: './ROOT', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, stableMs: 0, plugins: [hosts({ file: './rack.csv' })] });`,
    files: { 'ROOT/a': 'A', 'ROOT/b': 'B', 'rack.csv': 'address,file:boot\n127.0.0.1,a\n' },
  });
  expect(await at.text('boot')).toBe('A');
  const failed = at.nextFailure();
  at.put('rack.csv', 'address,file:boot\n127.0.0.1,../b\n');
  expect((await failed).message).toMatch(/rack\.csv:2: column "file:boot": expected a file or folder/);
  expect(await at.text('boot')).toBe('A');
  const reloaded = at.nextReload();
  at.put('rack.csv', 'address,file:boot\n127.0.0.1,b\n');
  await reloaded;
  expect(await at.text('boot')).toBe('B');
});
