import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ConfigError } from '../../src/config/error.ts';
import type { LoadOptions } from '../../src/config/load.ts';
import { PluginError } from '../../src/plugin/error.ts';
import { factNames } from '../../src/plugin/facts.ts';
import { Pipeline } from '../../src/plugin/pipeline.ts';
import { TftpError } from '../../src/tftp/protocol/error.ts';
import { load } from '../kit/config.ts';
import { environment, FakeClock, readRequest } from '../plugin/support.ts';
import { configErrorOf, folderOf, systemClock, write } from './support.ts';

const loadFrom = (folder: string, options: Partial<LoadOptions> = {}) => load({ folder, clock: systemClock, ...options });
const program = (rootDir: string) =>
  `import { defineConfig } from 'pxe';\nexport default defineConfig({ rootDir: '${rootDir}' });\n`;

test.each([
  ['pxe.config.ts', `const dir: string = 'found';\n${program('found')}`],
  ['pxe.config.mts', program('found')],
  ['pxe.config.js', program('found')],
  ['pxe.config.mjs', program('found')],
  ['pxe.config.json', '{ "rootDir": "found" }'],
  ['pxe.config.yaml', 'rootDir: found\n'],
  ['pxe.config.yml', 'rootDir: found\n'],
  ['package.json', '{ "name": "lab", "pxe": { "rootDir": "found" } }'],
])('%s is found from a folder below, and loaded', async (name, text) => {
  const dir = folderOf({ [name]: text, 'deep/er/file': '' });
  const loaded = await loadFrom(join(dir, 'deep/er'));
  expect(loaded).toMatchObject({ file: join(dir, name), files: [join(dir, name)], config: { rootDir: join(dir, 'found'), dir } });
});

test.each(['commonjs', 'module', undefined])('in a folder whose package.json says %s, CommonJS files included', async (type) => {
  const dir = folderOf({
    'package.json': JSON.stringify({ type }),
    'pxe.config.ts': `import { a } from './a.js'; import b from './b.cjs'; import c from './c.json' with { type: 'json' };
      export default { rootDir: a + b.b + c.c };`,
    'a.js': "export const a = 'a';",
    'b.cjs': "module.exports = { b: 'b' };",
    'c.json': '{ "c": "c" }',
  });
  const loaded = await loadFrom(dir);
  expect(loaded?.config.rootDir).toBe(join(dir, 'abc'));
  expect(loaded?.files).toEqual(['pxe.config.ts', 'a.js', 'b.cjs', 'c.json'].map((name) => join(dir, name)));
});

test('pxe.config.ts goes before the others; the search ends at the root of the project', async () => {
  const dir = folderOf({
    'pxe.config.json': '{}',
    'pxe.config.ts': program('ts'),
    'inner/package.json': '{}',
    'repo/.git/HEAD': '',
    'repo/sub/x': '',
  });
  expect((await loadFrom(dir))?.file).toBe(join(dir, 'pxe.config.ts'));
  expect(await loadFrom(join(dir, 'inner'))).toBeUndefined();
  expect(await loadFrom(join(dir, 'repo/sub'))).toBeUndefined();
});

test('an explicit file, and flags laid over it', async () => {
  const dir = folderOf({ 'etc/other.json': '{ "rootDir": "a", "tftp": { "limits": { "retries": 3 } }, "listem": [] }' });
  const loaded = await loadFrom(dir, {
    file: 'etc/other.json',
    override: ({ listem: _, ...input }: object & { listem?: unknown }) => ({ ...input, rootDir: '/flag' }),
  });
  expect(loaded?.config).toMatchObject({ rootDir: '/flag', tftp: { limits: { retries: 3 } }, dir: join(dir, 'etc') });
});

test('`pxe`, `pxe/kit`, `pxe/plugins` and `zod` mean the running package, where there is no node_modules; a plugin of its own works', async () => {
  const dir = folderOf({
    'pxe.config.ts': `
      import { defineConfig, definePlugin, TftpError, PluginError } from 'pxe';
      import { factNames } from 'pxe/kit';
      import { accessLog, hosts } from 'pxe/plugins';
      import { z } from 'zod';
      const refuse = definePlugin({
        name: 'refuse',
        options: z.strictObject({ code: z.number() }),
        setup: ({ code }) => ({ open() { throw Object.assign(new TftpError(code, 'no'), { PluginError, factNames }); } }),
      });
      export default defineConfig({ plugins: [hosts({ default: { folder: 'x' } }), refuse({ code: 6 }), accessLog()] });`,
  });
  const { config } = (await loadFrom(dir))!;
  const pipeline = await Pipeline.start(config.plugins, environment());
  const { error } = await pipeline.route(readRequest('kernel'));
  expect(error).toBeInstanceOf(TftpError);
  expect(error).toMatchObject({ code: 6, PluginError });
  expect((error as { factNames?: unknown }).factNames).toBe(factNames);
});

test('a plugin package in node_modules shares the running package', async () => {
  const dir = folderOf({
    'pxe.config.mjs': "import { made } from 'lab-plugins'; export default { plugins: [made()] };",
    'node_modules/lab-plugins/package.json': '{ "type": "module", "exports": "./index.js" }',
    'node_modules/lab-plugins/index.js':
      "import { definePlugin, TftpError } from 'pxe'; export const made = definePlugin({ name: 'made', setup: () => ({ open() { throw new TftpError(6, 'no'); } }) });",
  });
  const loaded = (await loadFrom(dir))!;
  expect(loaded.files).toEqual([join(dir, 'pxe.config.mjs')]);
  const { error } = await (await Pipeline.start(loaded.config.plugins, environment())).route(readRequest('kernel'));
  expect(error).toMatchObject({ code: 6 });
});

test('every load sees the files as they are; packages stay shared', async () => {
  const text = `import { rootDir } from './lib/root.ts'; import { id } from 'counted'; import old from './old.cjs';
    export default { rootDir: rootDir + old + id };`;
  const dir = folderOf({
    'pxe.config.ts': text,
    'lib/root.ts': "export { rootDir } from './deeper.ts';",
    'lib/deeper.ts': "export const rootDir: string = 'one';",
    'old.cjs': "module.exports = '-one-';",
    'node_modules/counted/package.json': '{ "type": "module", "exports": "./index.js" }',
    'node_modules/counted/index.js': 'globalThis.counted = (globalThis.counted ?? 0) + 1; export const id = globalThis.counted;',
  });
  const first = await loadFrom(dir);
  write(dir, { 'lib/deeper.ts': "export const rootDir: string = 'two';", 'old.cjs': "module.exports = '-two-';" });
  const second = await loadFrom(dir);
  expect([first, second].map((loaded) => loaded?.config.rootDir)).toEqual([join(dir, 'one-one-1'), join(dir, 'two-two-1')]);
  expect(second?.files.toSorted()).toEqual(
    ['lib/deeper.ts', 'lib/root.ts', 'old.cjs', 'pxe.config.ts'].map((name) => join(dir, name)),
  );
});

test('links that are switched over lead to the new files, as in a ConfigMap of Kubernetes', async () => {
  const config = (level: string) => ({
    'pxe.config.ts': "import { level } from './level.ts';\nexport default { log: { level } };",
    'level.ts': `export const level = '${level}';`,
  });
  const dir = folderOf({});
  const switchTo = (level: string) => {
    write(join(dir, level), config(level));
    symlinkSync(level, join(dir, 'new'));
    renameSync(join(dir, 'new'), join(dir, 'data'));
  };
  symlinkSync('data/pxe.config.ts', join(dir, 'pxe.config.ts'));
  symlinkSync('data/level.ts', join(dir, 'level.ts'));
  const levels: string[] = [];
  for (const level of ['debug', 'warn', 'error'] as const) {
    switchTo(level);
    const { config, files } = await load({ folder: dir, file: 'pxe.config.ts', clock: systemClock });
    levels.push(config.log.level);
    expect(files).toContain(join(dir, 'pxe.config.ts'));
    expect(files).toContain(join(dir, level, 'level.ts'));
    rmSync(join(dir, level), { recursive: true });
  }
  expect(levels).toEqual(['debug', 'warn', 'error']);
});

test('within one load, a module is one', async () => {
  const dir = folderOf({
    'pxe.config.ts': "import { a } from './a.ts'; import { b } from './b.ts'; export default { rootDir: String(a === b) };",
    'a.ts': "export { shared as a } from './shared.ts';",
    'b.ts': "export { shared as b } from './shared.ts';",
    'shared.ts': 'export const shared = {};',
  });
  expect((await loadFrom(dir))?.config.rootDir).toBe(join(dir, 'true'));
});

test.each<[string, Record<string, string>, string, string[]?]>([
  [
    'a syntax error in TypeScript',
    { 'pxe.config.ts': 'const a: number = 1;\nexport default { a: ,\n  b };' },
    'DIR/pxe.config.ts:2:21: Expression expected\n    2 | export default { a: ,\n      |                     ^',
  ],
  [
    'a syntax error in an imported JavaScript file',
    { 'pxe.config.ts': "import './lib/x.js';", 'lib/x.js': 'export const a = 1;\nexport const b = );' },
    'DIR/lib/x.js:2:18: Expression expected\n    2 | export const b = );',
    ['pxe.config.ts', 'lib/x.js'],
  ],
  [
    'an enum',
    { 'pxe.config.ts': 'export default {};\nenum A { b }' },
    'DIR/pxe.config.ts:2:1: TypeScript enum is not supported in strip-only mode\n    Node only strips types',
  ],
  [
    'a throw',
    { 'pxe.config.ts': "interface A {}\n\nfunction f(): A { throw new Error('boom'); }\nexport default f();" },
    "DIR/pxe.config.ts:3:25: boom\n    3 | function f(): A { throw new Error('boom'); }",
  ],
  ['a throw of what is no error', { 'pxe.config.ts': "throw 'x';" }, 'DIR/pxe.config.ts: threw x'],
  [
    'a missing import',
    { 'pxe.config.ts': "\nimport './lib/nope.ts';" },
    "DIR/pxe.config.ts:2:8: Cannot find module 'DIR/lib/nope.ts' imported from DIR/pxe.config.ts",
    ['pxe.config.ts', 'lib/nope.ts'],
  ],
  [
    'an import without ending',
    { 'pxe.config.ts': "import './lib/x';", 'lib/x.ts': '' },
    'write imports in full: "./lib/x.ts"',
    ['pxe.config.ts', 'lib/x'],
  ],
  ['a missing package', { 'pxe.config.ts': "import 'chalkk';" }, 'is the package "chalkk" installed'],
  [
    'a missing export',
    { 'pxe.config.ts': "import { defineConfg } from 'pxe';" },
    "DIR/pxe.config.ts:1:10: The requested module 'pxe' does not provide an export named 'defineConfg'\n    a misspelt name?",
  ],
  ['CommonJS in TypeScript', { 'pxe.config.ts': 'module.exports = {};' }, 'config files are ES modules'],
  [
    'no default export',
    { 'pxe.config.ts': 'export const config = {};' },
    'DIR/pxe.config.ts: has no default export\n    write `export default',
  ],
  [
    'a function',
    { 'pxe.config.ts': 'export default () => ({});' },
    'expected a config object, found a function\n    export what it returns',
  ],
  [
    'a promise',
    { 'pxe.config.ts': 'export default (async () => ({}))();' },
    'expected a config object, found a promise\n    write `await`',
  ],
  [
    'a file that reads a missing file',
    { 'pxe.config.ts': "import { readFileSync } from 'node:fs';\nreadFileSync('/absent/hosts');", 'pxe.config.json': '{}' },
    'DIR/pxe.config.ts:2:1: ENOENT',
  ],
  [
    'bad YAML',
    { 'pxe.config.yaml': 'rootDir: x\nlog:\n  level: info\n plugins: [\n' },
    'DIR/pxe.config.yaml:4:2: bad indentation of a mapping entry\n    4 |  plugins: [',
  ],
  ['bad JSON, where V8 tells the place', { 'pxe.config.json': '{\n  "rootDir": "x",\n}' }, 'DIR/pxe.config.json:3:1: '],
  ['bad JSON, where it does not', { 'pxe.config.json': '{\n  "rootDir": ]\n}' }, 'DIR/pxe.config.json:2:14: '],
  ['an empty file', { 'pxe.config.yaml': '' }, 'DIR/pxe.config.yaml: is empty'],
])('%s', async (_, files, message, watch) => {
  const dir = folderOf(files);
  const error = await configErrorOf(loadFrom(dir));
  expect(error.message.replaceAll(dir, 'DIR')).toContain(message);
  expect(error.files).toEqual((watch ?? [Object.keys(files)[0]!]).map((name) => join(dir, name)));
});

test('a file that does not exist', async () => {
  const dir = folderOf({});
  const error = await configErrorOf(loadFrom(dir, { file: 'absent.ts' }));
  expect(error.message).toBe(`${dir}/absent.ts: no such file`);
  expect(error.files).toEqual([join(dir, 'absent.ts')]);
});

test('an import that never settles', async () => {
  const dir = folderOf({ 'pxe.config.ts': 'await new Promise(() => {});\nexport default {};' });
  const clock = new FakeClock();
  const failed = configErrorOf(loadFrom(dir, { clock, timeoutMs: 700 }));
  while (clock.pending === 0) await clock.advance(0);
  await clock.advance(700);
  expect((await failed).message).toBe(`${dir}/pxe.config.ts: not done within 700 ms`);
});

test('all problems at once, those of three plugins among them', async () => {
  const dir = folderOf({
    'pxe.config.ts': `import { hosts, identify, rewrite } from 'pxe/plugins';
      export default { rootdir: 5, tftp: { limits: { blockSize: 7 } }, plugins: [
        identify({ tabel: {}, table: { x: '52:54:00:12:34:56', '192.168.7.20': 'zz' } }),
        rewrite([{ mtch: /a/, replace: 'b' }, { match: '/(/', replace: 3 }]),
        hosts({ '52:54:zz': {}, default: { folder: '../x', files: { a: '../b' } } }),
      ] };`,
  });
  const { message, issues } = await configErrorOf(loadFrom(dir));
  expect(issues).toHaveLength(12);
  expect(message.split('\n')).toEqual([
    `${dir}/pxe.config.ts: 12 problems`,
    '  tftp.limits.blockSize: expected at least 8, found 7',
    '  rootdir: unknown key',
    '    did you mean "rootDir"?',
    '  plugins[0].options.table.x: expected an IP address, found "x"',
    '  plugins[0].options.table["192.168.7.20"]: expected a MAC address such as 52:54:00:12:34:56, found "zz"',
    '  plugins[0].options.tabel: unknown key',
    '    did you mean "table"?',
    '  plugins[1].options[0].match: expected a regular expression or a string, found nothing',
    '  plugins[1].options[0].mtch: unknown key',
    '    did you mean "match"?',
    '  plugins[1].options[1].match: is not a valid regular expression: unterminated group',
    '  plugins[1].options[1].replace: expected text or a function, found 3',
    expect.stringContaining('  plugins[2].options["52:54:zz"]: expected a MAC address'),
    '  plugins[2].options.default.files.a: expected a file or folder under the root, without .., found "../b"',
    '  plugins[2].options.default.folder: expected a file or folder under the root, without .., found "../x"',
  ]);
});

test('plugins by name, in JSON', async () => {
  const dir = folderOf({
    'pxe.config.json': JSON.stringify({
      plugins: [
        { use: 'rewrite', options: [{ match: '/^a/i', replace: 'b' }] },
        { use: './mine.ts#mine', options: { a: 1 } },
        { use: './mine.ts' },
        { use: 'accessLog' },
      ],
    }),
    'mine.ts': `import { definePlugin, z } from 'pxe';
      export const mine = definePlugin({ name: 'mine', options: z.strictObject({ a: z.number() }), setup: () => ({}) });
      export default definePlugin({ name: 'the default', setup: () => ({}) });`,
  });
  const loaded = (await loadFrom(dir))!;
  expect(loaded.config.plugins.map(({ plugin, options }) => [plugin.name, options])).toEqual([
    ['rewrite', [{ match: '/^a/i', replace: 'b' }]],
    ['mine', { a: 1 }],
    ['the default', undefined],
    ['access-log', { starts: true, absent: true, boots: true }],
  ]);
  expect(loaded.files).toEqual([join(dir, 'pxe.config.json'), join(dir, 'mine.ts')]);
});

test('plugins by name that are not there are told with the other problems', async () => {
  const dir = folderOf({
    'pxe.config.yaml': `rootdir: x
plugins:
  - use: host
  - use: ./absent.ts#a
  - use: ./broken.ts#a
  - use: ./mine.ts#min
  - use: ./mine.ts#odd
  - use: accessLog
    option: 5
  - use: 5
  - use: hosts
    options: { nobody: {} }
`,
    'broken.ts': '\nexport default ;',
    'mine.ts': 'export const mine = () => 5; export const odd = () => 5;',
  });
  const error = await configErrorOf(loadFrom(dir));
  expect(error.message.replaceAll(dir, 'DIR').split('\n')).toEqual([
    'DIR/pxe.config.yaml: 9 problems',
    '  rootdir: unknown key',
    '    did you mean "rootDir"?',
    '  plugins[0].use: there is no plugin named "host"',
    '    did you mean "hosts"?',
    '  plugins[1].use: cannot be imported: no such file: DIR/absent.ts',
    '  plugins[2].use: cannot be imported: DIR/broken.ts:2: Expression expected',
    '  plugins[3].use: there is no plugin named "min"',
    '    did you mean "mine"?',
    '  plugins[4].use: odd is not a plugin: it returned 5',
    '  plugins[5].option: unknown key',
    '    valid keys: use, options',
    '  plugins[6].use: expected a string, found 5',
    expect.stringContaining('  plugins[7].options.nobody: expected a MAC address'),
  ]);
  expect(error.files).toContain(join(dir, 'absent.ts'));
});

test('one mistake of a config that came from no file begins with its key', () => {
  const issue = { path: ['file'], message: 'rack.csv does not exist', hint: 'is the path right?' };
  expect(new ConfigError(undefined, [issue]).message).toBe('file: rack.csv does not exist\n    is the path right?');
  expect(new ConfigError('/lab/a.ts', [issue]).message).toBe(
    '/lab/a.ts: 1 problem\n  file: rack.csv does not exist\n    is the path right?',
  );
});

test('a mistake in package.json is told with the key that the config is in', async () => {
  const dir = folderOf({ 'package.json': '{ "pxe": { "rootDir": 5 } }' });
  expect((await configErrorOf(loadFrom(dir))).message).toContain(
    'package.json: 1 problem\n  pxe.rootDir: expected a string, found 5',
  );
});
