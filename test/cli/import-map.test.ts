/** `pxe import-map`: what it prints does what the map did, or keeps the map and says why. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanName } from 'pxe';
import { parseMapFile } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import { translatePosix } from '../../plugins/posix-regexp.ts';
import { mapSource } from '../../src/cli/map-source.ts';
import { load } from '../../src/config/load.ts';
import { Pipeline } from '../../src/plugin/pipeline.ts';
import { folderOf, systemClock } from '../config/support.ts';
import { fakeFolder, readRequest, surroundings } from '../plugin/support.ts';
import { expressionCases, type MapCase, mapCases } from '../support/maps.ts';
import { pxe } from '../support/pxe.ts';

const printed = (map: string) => mapSource(parseMapFile(map), map, './tftpd.map');

/** Asked → served, by the printed config. */
async function served(map: string, { files, asks }: Pick<MapCase, 'files' | 'asks'>): Promise<Record<string, string>> {
  const folder = folderOf({ 'pxe.config.ts': printed(map).source, 'tftpd.map': map });
  const { config } = await load({ file: join(folder, 'pxe.config.ts'), folder, clock: systemClock });
  const root = fakeFolder(Object.fromEntries(files.map((name) => [name, name])));
  const pipeline = await Pipeline.start(config.plugins, surroundings({ root, configDir: folder }));
  const answers: Record<string, string> = {};
  for (const asked of Object.keys(asks)) {
    const [, six, name = ''] = /^(6 )?(.*)$/.exec(asked) ?? [];
    const route = await pipeline.route({ ...readRequest(cleanName(name), { address: six ? '::1' : '127.0.0.1' }), asked: name });
    answers[asked] = route.error ? `ERROR ${route.error.code} ${route.error.message}` : route.served!;
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
    ['rg aa a', 'g looks again at what it has put in'],
    ['rg a ba', 'g looks again at what it has put in'],
    ['rg ^/ x', 'g looks again at what it has put in'],
    ['rgg x* -', 'gg with an expression that matches nothing at all never ends'],
    ['Pr a b', 'P is for uploads, which rewrite leaves alone'],
    ['4r a b', '4 is for IPv4 clients only'],
    ['6e a', '6 is for IPv6 clients only'],
  ])('%j', (map, reason) => {
    expect(reasonsOf(map)).toEqual([reason]);
  });
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
          { match: /^.*$/, replace: (_, { asked }) => asked },
          // The lab\\# of R&D
          // Windows
          { match: /\\\\/g, replace: '/' },
          { match: /^\\/?it's\\/(.*)$/i, replace: '$$0/\`/$1/\\\\$\${x}' },
          { match: /^\\/?cfg\\/(.*)$/, replace: (match, { client }) => \`\${hexAddress(client.address)}/\${(match[1] ?? '').toUpperCase()}X\${match[1] ?? ''}\`, when: 'exists' },
          { match: /key$/, replace: (match, { client }) => { throw new TftpError(2, \`no \${match[0]} for \${client.address}\`); } },
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
  expect(some).toMatchObject({ code: 1, stderr: 'pxe: 1 of 2 rules stay with tftpdMap, and so the map: lines 2\n' });
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
