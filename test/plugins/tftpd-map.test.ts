import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { cleanName, readName } from 'pxe/kit';
import { parseMapFile, rewrite, tftpdMap } from 'pxe/plugins';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hexAddress } from '../../plugins/lib/address.ts';
import { longest, translatePosix } from '../../plugins/lib/posix-regexp.ts';
import type { Plugin } from '../../src/plugin/define.ts';
import type { Pipeline } from '../../src/plugin/pipeline.ts';
import type { Trace } from '../../src/plugin/trace.ts';
import type { Finding, ReadRequest } from '../../src/plugin/types.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';
import { expressionCases, mapCases, mistakenMaps } from '../kit/maps.ts';
import { environment, fakeFolder, readRequest, start, writeRequest } from '../plugin/support.ts';

/** A config's folder with a map file in it. */
function mapFile(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'pxe-map-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'tftpd.map'), text);
  return dir;
}

async function serving(
  map: string,
  files: readonly string[],
  { before = [], options = {} }: { before?: readonly Plugin[]; options?: object } = {},
) {
  const configDir = mapFile(map);
  const env = environment({ configDir, root: fakeFolder(Object.fromEntries(files.map((name) => [name, name]))) });
  const pipeline = await start([...before, tftpdMap({ file: 'tftpd.map', ...options })], env);
  const get = async (asked: string, address = '127.0.0.1') => {
    const request: ReadRequest = { ...readRequest(cleanName(asked), { address }), asked };
    const { served, content, error } = await pipeline.route(request);
    await content?.close();
    return error ? `ERROR ${codeOf(error)} ${error.message}` : (served ?? '');
  };
  return { env, pipeline, get };
}

describe('what a map leads to', () => {
  test.each(mapCases)('$what', async ({ map, files, asks }) => {
    const { get } = await serving(map, files);
    for (const [asked, expected] of Object.entries(asks)) {
      const [, six, name = ''] = /^(6 )?(.*)$/.exec(asked) ?? [];
      const got = await get(name, six ? '::1' : '127.0.0.1');
      if (expected.startsWith('ERROR')) expect(got, asked).toContain(expected);
      else expect(got, asked).toBe(expected);
    }
  });

  test.each(expressionCases)('%s in %s', (expression, name, becomes) => {
    const found = longest(translatePosix(expression), name);
    expect(found ? `${name.slice(0, found.index)}X${name.slice(found.index + found[0].length)}` : '-').toBe(becomes);
  });

  test.each(mistakenMaps.map(([map, mistake]) => [map, mistake] as const))('%j is refused', async (map, mistake) => {
    await expect(serving(map, [])).rejects.toThrow(`tftpd.map:${mistake}`);
  });

  test('all mistakes are told at once', async () => {
    await expect(serving('q a\nr b c\nr (\n', [])).rejects.toThrow(/tftpd\.map:1: .*\n.*tftpd\.map:3: /);
  });
});

test('the file is watched, also one with a mistake and one that does not exist', async () => {
  for (const text of ['r a b', 'q', undefined]) {
    const configDir = text === undefined ? '/nowhere' : mapFile(text);
    const env = environment({ configDir });
    await start([tftpdMap('./tftpd.map')], env).catch(() => undefined);
    expect(env.watched).toEqual([join(configDir, 'tftpd.map')]);
  }
});

test('a name that a plugin before it has changed is taken as that left it', async () => {
  const before = [rewrite([{ match: /^boot\//, replace: '' }])];
  const { get } = await serving('r ^/ slash/\nr ^k K', ['Kernel', 'slash/other'], { before });
  expect([await get('/boot/kernel'), await get('/other')]).toEqual(['Kernel', 'slash/other']);
});

test('the directory that in.tftpd served without --secure is the root', async () => {
  const map = 'r ^[^/] /srv/tftp/\\0\nrE ^/srv/tftp/(.*)$ /srv/tftp/x/\\1';
  const { get } = await serving(map, ['x/a', 'b', 'c'], { options: { directory: '/srv/tftp' } });
  expect([await get('a'), await get('b'), await get('/srv/tftp/c')]).toEqual(['x/a', 'b', 'c']);
});

test('an upload is renamed, too', async () => {
  const { pipeline } = await serving('Gr ^ read/\nPr ^/ write/\na secret no\\ secrets\nPrE $ .new', []);
  expect(await pipeline.route(writeRequest('log'))).toMatchObject({ request: { name: 'write/log.new' }, sink: undefined });
  expect(await pipeline.route(writeRequest('secret'))).toMatchObject({ error: { reason: 'forbidden', message: 'no secrets' } });
});

test('what is looked for stands in the trace; a rule that asks for no file answers at once', async () => {
  const { pipeline } = await serving('rE ^/ x/', ['a']);
  const trace: Trace = [];
  await pipeline.route(readRequest('a'), { trace });
  expect(trace[0]).toMatchObject({ plugin: 'tftpd-map', hook: 'rewrite', lookups: [{ name: 'x/a', found: false }] });
});

test('the trace tells the lines that have applied', async () => {
  const { pipeline } = await serving(`# a comment\nr ^/ \nr b c\n:top\nr ^a.{0,20}$ \\0x\nj ^a.{0,20}$ top`, []);
  const noteOf = async (name: string) => {
    const trace: Trace = [];
    await pipeline.route(readRequest(name), { trace });
    return trace[0]?.note;
  };
  const refusing = await serving('r a b\na b', []);
  const refused: Trace = [];
  await refusing.pipeline.route(readRequest('a'), { trace: refused });
  expect(refused[0]).toMatchObject({
    error: 'forbidden: access denied',
    note: 'lines 1, 2',
  });
  expect([await noteOf('b'), await noteOf('ab'), await noteOf('zz')]).toEqual([
    'lines 2, 3',
    expect.stringMatching(/^lines 2, 3, 5, 6, 5, .*, …$/),
    'line 2',
  ]);
});

test('check finds what in.tftpd would find out with a client waiting', async () => {
  const configDir = mapFile('j a b\nj (c) to-\\1\n46r a b\nGPe a\n:d\nj d d');
  const plugin = tftpdMap('tftpd.map').definition;
  const hooks = await plugin.setup('tftpd.map', { configDir, watch() {} } as never);
  const findings = [...((await hooks.check?.({} as never)) as Iterable<Finding>)];
  expect(findings.map(({ severity, line, message }) => `${severity} ${line} ${message}`)).toEqual([
    'error 1 there is no label :b to jump to; the request would be refused',
    'warning 3 4 and 6 together match no client: remove both',
    'warning 4 G and P together match no request: remove both',
  ]);
  expect(new Set(findings.map(({ file }) => file))).toEqual(new Set([join(configDir, 'tftpd.map')]));
});

test('garbage parses, or is a mistake with its line', () => {
  const piece = fc.constantFrom(
    'r',
    'g',
    'e',
    ' ',
    '\t',
    '\\',
    '[',
    ']',
    '(',
    ')',
    '{',
    '}',
    '1',
    ',',
    '*',
    '+',
    '?',
    '|',
    '^',
    '$',
    ':',
    '.',
    '-',
    '=',
    'a',
    '#',
    '\n',
    'é',
  );
  const seed = Number(process.env.SEED ?? Date.now());
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const { lines, mistakes } = parseMapFile(`r ${pieces.join('')}`);
      for (const line of lines) if (line.kind === 'rule') longest(line.regExp, 'aa/b1-a');
      for (const { line, message } of mistakes) expect(line > 0 && message !== '').toBe(true);
    }),
    { seed, numRuns: 2000 },
  );
});

test.each([
  ['192.168.7.20', 'C0A80714'],
  ['::ffff:192.168.7.20', 'C0A80714'],
  ['2001:db8::1', '20010DB8000000000000000000000001'],
  ['fe80::1%lab0', 'FE800000000000000000000000000001'],
  ['::', '0'.repeat(32)],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['64:ff9b::192.0.2.1', '0064FF9B0000000000000000C0000201'],
  ['nonsense', ''],
])('%s in hex is %s', (address, hex) => {
  expect(hexAddress(address)).toBe(hex);
});

test('rules see what a ROM has put behind a name, and may take it away', async () => {
  const { pipeline } = await serving('r ^pxelinux\\.bin.* pxelinux.bin', ['pxelinux.bin']);
  const asked = 'pxelinux.biny\n;o\x1e';
  const { name, unservable } = readName(asked);
  const route = (map: Pipeline) => map.route({ ...readRequest(name), asked, name }, { unservable });
  expect(await route(pipeline)).toMatchObject({ served: 'pxelinux.bin' });
  expect(await route((await serving('r ^x y', ['pxelinux.bin'])).pipeline)).toMatchObject({ error: { reason: 'not-found' } });
});
