/** `pxe import-map`: what it prints does what the map did, or keeps the map and says why. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanName, readName } from 'pxe/kit';
import { parseMapFile } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { translatePosix } from '../../plugins/lib/posix-regexp.ts';
import { mapSource } from '../../src/cli/map-source.ts';
import { Pipeline } from '../../src/plugin/pipeline.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';
import { folderOf, systemClock } from '../config/support.ts';
import { load } from '../kit/config.ts';
import { expressionCases, type MapCase, mapCases } from '../kit/maps.ts';
import { pxe } from '../kit/pxe.ts';
import { environment, fakeFolder, readRequest, writeRequest } from '../plugin/support.ts';

const printed = (map: string, directory?: string) => mapSource(parseMapFile(map), { text: map, path: './tftpd.map', directory });

/** Asked → served, by the printed config. */
async function served(map: string, { files, asks }: Pick<MapCase, 'files' | 'asks'>): Promise<Record<string, string>> {
  const folder = folderOf({ 'pxe.config.ts': printed(map).source, 'tftpd.map': map });
  const { config } = await load({ file: join(folder, 'pxe.config.ts'), folder, clock: systemClock });
  const root = fakeFolder(Object.fromEntries(files.map((name) => [name, name])));
  const pipeline = await Pipeline.start(config.plugins, environment({ root, configDir: folder }));
  const answers: Record<string, string> = {};
  for (const asked of Object.keys(asks)) {
    const [, six, name = ''] = /^(6 )?(.*)$/.exec(asked) ?? [];
    const route = await pipeline.route({ ...readRequest(cleanName(name), { address: six ? '::1' : '127.0.0.1' }), asked: name });
    answers[asked] = route.error ? `ERROR ${codeOf(route.error)} ${route.error.message}` : route.served!;
  }
  return answers;
}

const reasonsOf = (map: string) => printed(map).staying.map(({ reason }) => reason);

/** Nothing in a config counts steps. */
const ending = mapCases.filter(({ what }) => what !== 'and no more');

test.each(ending)('the config printed serves what the map serves: $what', async (mapCase) => {
  for (const [asked, got] of Object.entries(await served(mapCase.map, mapCase))) {
    const expected = mapCase.asks[asked]!;
    if (expected.startsWith('ERROR')) expect(got, asked).toContain(expected);
    else expect(got, asked).toBe(expected);
  }
});

test('most maps need tftpdMap no more', () => {
  const needless = mapCases.filter(({ map }) => reasonsOf(map).length === 0);
  expect(needless.length).toBeGreaterThan(mapCases.length / 2);
});

test.each(
  expressionCases.filter(([expression]) => translatePosix(expression).ambiguous),
)('where the longest match is not the first, the config says so: %s in %s', async (expression, name, becomes) => {
  const map = `r ${expression} X\n`;
  const result = becomes === '-' ? name : becomes;
  const { [name]: got } = await served(map, { files: [result], asks: { [name]: '' } });
  if (got !== result) expect(printed(map).source).toContain('The map takes the longest match');
});

describe('what cannot be said in rewrite stays with the map, and why', () => {
  test.each([
    ['s a', 's starts over at the first rule'],
    ['j a b\n:b', 'j jumps to a label'],
    ['rg aa a', 'g also matches in text that it has inserted'],
    ['rg a ba', 'g also matches in text that it has inserted'],
    ['rg ^/ x', 'g also matches in text that it has inserted'],
    ['rgg x* -', 'gg with an expression that matches the empty string never ends'],
    ['4r a b', '4 is for IPv4 clients only'],
    ['6e a', '6 is for IPv6 clients only'],
  ])('%j', (map, reason) => {
    expect(reasonsOf(map)).toEqual([reason]);
  });
});

/** Asked → the name that is looked for, or that an upload is stored under. */
async function named(source: string, map: string, kind: 'read' | 'write', asked: string, files: readonly string[] = []) {
  const folder = folderOf({ 'pxe.config.ts': source, 'tftpd.map': map });
  const { config } = await load({ file: join(folder, 'pxe.config.ts'), folder, clock: systemClock });
  const root = fakeFolder(Object.fromEntries(files.map((name) => [name, name])));
  const pipeline = await Pipeline.start(config.plugins, environment({ root, configDir: folder }));
  const { name, unservable } = readName(asked);
  const made = kind === 'read' ? readRequest(name) : writeRequest(name);
  const { request, error } = await pipeline.route({ ...made, asked }, { unservable });
  return error && codeOf(error) !== 1 ? `ERROR ${codeOf(error)}` : request.name;
}

test.each([
  ['r ^/?backup/ archive/', '/backup/x', 'archive/x', 'archive/x'],
  ['Gr ^/?backup/ archive/', '/backup/x', 'archive/x', 'backup/x'],
  ['Pr ^/?backup/ archive/', '/backup/x', 'backup/x', 'archive/x'],
  ['Pre ^/?a/ b/\nr ^/?a/ c/', 'a/x', 'c/x', 'b/x'],
  ['rE ^/?a/ b/\nr ^/?a/ c/', 'a/x', 'c/x', 'b/x'],
  ['Pa ^/', '/x', 'x', 'ERROR 2'],
])('uploads go where the map put them: %j', async (map, asked, read, written) => {
  for (const source of [printed(map).source, kept(map)]) {
    expect(await named(source, map, 'read', asked)).toBe(read);
    expect(await named(source, map, 'write', asked)).toBe(written);
  }
});

/** A config that runs the map itself. */
function kept(_map: string, directory?: string): string {
  const options = directory === undefined ? "'./tftpd.map'" : `{ file: './tftpd.map', directory: '${directory}' }`;
  return `import { tftpdMap } from 'pxe/plugins';\nexport default { plugins: [tftpdMap(${options})] };\n`;
}

const ironic = 're ^(/srv/pxe/) /srv/pxe/\\2\nre ^/srv/pxe/ /srv/pxe/\nre ^(^/) /srv/pxe/\\1\nre ^([^/]) /srv/pxe/\\1\n';

describe('the folder of an in.tftpd without --secure', () => {
  test.each(['pxelinux.0', '/pxelinux.0', '/srv/pxe/pxelinux.0', '/srv/pxe/a/b'])('%s', async (asked) => {
    const source = printed(ironic, '/srv/pxe').source;
    for (const kind of ['read', 'write'] as const)
      expect(await named(source, ironic, kind, asked)).toBe(await named(kept(ironic, '/srv/pxe'), ironic, kind, asked));
  });

  test('where all results begin with it, but nothing says so, both names are tried', async () => {
    const { source, guessed } = printed(ironic);
    expect(guessed).toBe('/srv/pxe/');
    expect(await named(source, ironic, 'read', 'pxelinux.0', ['pxelinux.0'])).toBe('pxelinux.0');
    expect(await named(source, ironic, 'read', 'pxelinux.0', ['srv/pxe/pxelinux.0'])).toBe('srv/pxe/pxelinux.0');
    expect(source).toContain('pxe import-map --directory /srv/pxe');
  });

  test.each([
    ['re ^x /srv/a/x\nr ^y /srv/b/y', undefined],
    ['r ^x /srv/a/x\nr ^y y', undefined],
    ['r ^/', undefined],
    ['rg \\\\ /\nr ^x /srv/a/x\nr ^y /srv/a/b/y', '/srv/a/'],
  ])('guessed from %j: %s', (map, folder) => {
    expect(printed(map).guessed).toBe(folder);
  });

  test('E looks before the folder is gone, so the map stays', () => {
    const { source, staying } = printed('rE ^x /srv/pxe/y', '/srv/pxe');
    expect(staying.map(({ reason }) => reason)).toEqual(['E looks for a file, before /srv/pxe/ is removed']);
    expect(source).toContain("tftpdMap({ file: './tftpd.map', directory: '/srv/pxe' }),");
  });
});

test('what a ROM has put behind a name reaches the rules', async () => {
  const map = 'r ^pxelinux\\.bin.* pxelinux.bin';
  const asked = 'pxelinux.biny\n;o\x1e';
  for (const source of [printed(map).source, kept(map)]) expect(await named(source, map, 'read', asked)).toBe('pxelinux.bin');
});

test('comments are carried over, and every macro', async () => {
  const map = [
    '# The lab\\# of R&D',
    'rg \\\\ /  # Windows',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a map may hold anything
    "ri ^/?it's/(.*)$ $0/`/\\1/\\\\${x}",
    'rE ^/?cfg/(.*)$ \\x/\\U\\1x\\E\\1\\3',
    'a key$ no\\ \\0\\ for\\ \\i',
  ].join('\r\n');
  expect(printed(map).source).toMatchInlineSnapshot(`
    "// From ./tftpd.map, by pxe import-map.
    import { defineConfig, TftpError } from 'pxe';
    import { hexAddress, rewrite } from 'pxe/plugins';

    export default defineConfig({
      rootDir: './tftpboot',
      plugins: [
        rewrite([
          // The map sees a name as the client spelt it (/boot/x), the rules of a config see it cleaned (boot/x).
          { match: /^.*$/s, replace: (_, { asked }) => asked, requests: 'all' },
          // requests: 'all': the map renames uploads, too.
          // The lab\\# of R&D
          // Windows
          { match: /\\\\/g, replace: '/', requests: 'all' },
          { match: /^\\/?it's\\/(.*)$/is, replace: '$$0/\`/$1/\\\\$\${x}', requests: 'all' },
          { match: /^\\/?cfg\\/(.*)$/s, replace: (match, { client }) => \`\${hexAddress(client.address)}/\${(match[1] ?? '').toUpperCase()}X\${match[1] ?? ''}\`, when: 'exists', requests: 'all' },
          { match: /key$/, replace: (match, { client }) => { throw new TftpError(2, \`no \${match[0]} for \${client.address}\`); }, requests: 'all' },
        ]),
      ],
    });
    "
  `);
});

test('as a command', async () => {
  const folder = folderOf({ 'a.map': 'r a b\n', 'b.map': 'r a b\ns c\n', 'c.map': 'r a b\n\nq\nr (\n' });
  expect(await pxe(['import-map', 'a.map'], { cwd: folder })).toMatchObject({ code: 0, stderr: '' });
  const some = await pxe(['import-map', 'b.map'], { cwd: folder });
  expect(some).toMatchObject({
    code: 1,
    stderr: 'pxe: 1 of 2 rules cannot be converted, so the config uses the map with tftpdMap: lines 2\n',
  });
  expect(some.stdout).toContain("tftpdMap('./b.map'),");
  const wrong = await pxe(['import-map', 'c.map'], { cwd: folder });
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toMatch(/^pxe: the map cannot be used:\n {2}c\.map:3: .*\n {2}c\.map:4: /);
  expect(await pxe(['import-map', 'd.map'], { cwd: folder })).toMatchObject({
    code: 2,
    stderr: 'pxe: d.map cannot be read: ENOENT\n',
  });
  expect(readFileSync(join(folder, 'a.map'), 'utf8')).toBe('r a b\n');
});
