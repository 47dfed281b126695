/**
 * The package as a stranger gets it: built, packed and installed by npm into a folder that knows nothing of this repo, then used
 * as a command, as a library and by the type checker.
 *
 * npm installs the very versions of package-lock.json, which `npm ci` has left in npm's cache; so no registry is needed where
 * that cache still stands. What the package needs and does not declare is not installed, and is found missing here.
 */
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pages } from './kit/docs.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const temporary = realpathSync(mkdtempSync(join(tmpdir(), 'pxe-package-')));
const built = join(temporary, 'built');
const consumer = join(temporary, 'consumer');
const installed = join(consumer, 'node_modules/pxe');
const command = join(consumer, 'node_modules/.bin/pxe');
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const manifest = readJson(join(root, 'package.json'));

beforeAll(async () => {
  await mustRun([process.execPath, join(root, 'scripts/build.ts'), built]);
  await mustRun(['npm', 'pack', '--pack-destination', temporary], built);
  const { packages } = readJson(join(root, 'package-lock.json')) as { packages: Record<string, { dev?: boolean }> };
  const pinned = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
  write(consumer, {
    'package.json': JSON.stringify({ private: true, type: 'module' }),
    'package-lock.json': JSON.stringify({ lockfileVersion: 3, packages: { '': {}, ...Object.fromEntries(pinned) } }),
  });
  const tarball = join(temporary, `pxe-${manifest.version}.tgz`);
  await mustRun(['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball], consumer);
}, 180_000);

afterAll(() => rmSync(temporary, { recursive: true, force: true }));

test('the package holds declarations of each source, lib/, licences and the documentation, and nothing else', () => {
  const sources = ['src', 'plugins'].flatMap((folder) => filesUnder(join(root, folder)).map((file) => join(folder, file)));
  const declarations = sources.map((source) => source.replace(/\.ts$/, '.d.ts'));
  // README leads to docs/, which goes along so that no link dangles.
  const copied = ['LICENSE', 'docs/pxe.schema.json', ...pages.map(({ path }) => path)];
  const found = filesUnder(installed);
  expect(found.filter((file) => !file.startsWith('lib/'))).toEqual(
    [...declarations, ...copied, 'THIRD-PARTY-LICENSES', 'bin/pxe.js', 'package.json'].sort(),
  );
  expect(found.filter((file) => file.startsWith('lib/') && !/^lib\/[\w-]+\.js$/.test(file))).toEqual([]);
  for (const file of copied) {
    expect(readFileSync(join(installed, file))).toEqual(readFileSync(join(root, file)));
  }
});

test('every thread finds the file that it begins in', () => {
  const library = filesUnder(join(installed, 'lib'));
  const workers = ['src', 'plugins'].flatMap((folder) =>
    filesUnder(join(root, folder)).filter((file) => /worker\.ts$/.test(file)),
  );
  expect(workers.length).toBeGreaterThan(2);
  expect(library).toEqual(expect.arrayContaining(workers.map((file) => `${basename(file, '.ts')}.js`)));
});

test('it has the licence of each package that is part of lib/, and such a package is not installed beside it', () => {
  const licences = readFileSync(join(installed, 'THIRD-PARTY-LICENSES'), 'utf8');
  const known = Object.keys(manifest.dependencies as Record<string, string>);
  const beside = new Set(readdirSync(join(consumer, 'node_modules')));
  expect(known.filter((name) => beside.has(name))).toEqual(['koffi', 'zod']);
  const parts = known.filter((name) => name !== 'koffi');
  const headings = new Set(licences.split('\n').flatMap((line) => /^(\S+) \d+\.\d+\.\d+$/.exec(line)?.[1] ?? []));
  expect([...headings]).toEqual(expect.arrayContaining(parts));
  expect(licences.match(/Permission (is hereby granted|to use, copy, modify)/g)).toHaveLength(headings.size);
});

test('no file of the package names a folder of this machine', () => {
  // `./src/` does not name `/src/`.
  const names = (text: string, folder: string) =>
    text
      .split(folder)
      .slice(0, -1)
      .some((before) => !/[\w.]$/.test(before));
  for (const file of filesUnder(installed)) {
    const text = readFileSync(join(installed, file), 'utf8');
    expect({ file, found: [root, temporary].filter((folder) => names(text, folder)) }).toEqual({ file, found: [] });
  }
});

test('its package.json declares what a user needs, and nothing of development', () => {
  const { name, version, description, license, type, engines, dependencies } = manifest;
  const { koffi, zod } = dependencies as Record<string, string>;
  expect(readJson(join(installed, 'package.json'))).toEqual({
    ...{ name, version, description, license, type, engines },
    // What else it needs is part of lib/.
    dependencies: { koffi, zod },
    bin: { pxe: './bin/pxe.js' },
    exports: {
      '.': { types: './src/index.d.ts', default: './lib/index.js' },
      './kit': { types: './src/kit.d.ts', default: './lib/kit.js' },
      './plugins': { types: './plugins/index.d.ts', default: './lib/plugins.js' },
    },
    imports: { '#zod': './lib/zod.js' },
  });
});

test('the build empties no folder but its own', async () => {
  const folder = join(temporary, 'precious');
  write(folder, { 'letter.txt': 'dear' });
  const { exit, output } = await run([process.execPath, join(root, 'scripts/build.ts'), folder]);
  expect({ exit, output }).toEqual({ exit: 1, output: `build: not empty: ${folder}\n` });
  expect(readdirSync(folder)).toEqual(['letter.txt']);
});

test('the command is executable, and tells its version and its help', async () => {
  // npm would mend it as it installs; other ways to install do not.
  expect(statSync(join(built, 'bin/pxe.js')).mode & 0o111).toBe(0o111);
  expect(await run([command, '--version'])).toEqual({ exit: 0, output: `${manifest.version}\n` });
  const help = await run([command, '--help']);
  expect(help).toEqual({ exit: 0, output: expect.stringMatching(/^Usage: pxe /) });
  expect(help).toEqual(await run([process.execPath, join(root, 'src/cli.ts'), '--help']));
});

test('by a Node that is too old the command says so', async () => {
  const claim = "Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })";
  const imported = `data:text/javascript,${encodeURIComponent(claim)}`;
  const { exit, output } = await run([process.execPath, '--import', imported, join(installed, 'bin/pxe.js')]);
  expect({ exit, output }).toEqual({ exit: 1, output: expect.stringMatching(/^pxe: needs Node 22\.22, or 24 and later; /) });
});

test('the command serves a typed config with plugins of its own, where there is no node_modules', async () => {
  const lab = join(temporary, 'lab');
  const kernel = Buffer.from(Array.from({ length: 1300 }, (_, index) => (index * 7) % 251));
  write(lab, { ...LAB, 'tftpboot/kernel': kernel });
  await using served = await serve(lab);
  expect(await get(served.port, 'kernel')).toEqual(kernel);
  expect(String(await get(served.port, 'whoami.ipxe'))).toBe('#!ipxe\necho 127.0.0.1\n');
  expect(String(await get(served.port, 'motd'))).toBe('welcome '.repeat(100));
  expect(await get(served.port, 'linux')).toEqual(kernel);
  // Were there two copies of the package at work, this would be ERROR 0.
  await expect(get(served.port, 'secret')).rejects.toThrow('ERROR 2 not for you');
  expect(await served.stop()).toEqual([0, null]);
  expect(served.lines.filter(({ msg }) => msg === 'noted').map(({ asked }) => asked)).toEqual(['whoami.ipxe']);
}, 60_000);

test('a strict program that uses the library compiles, its dependencies checked too, and runs', async () => {
  write(consumer, { 'consumer.ts': CONSUMER });
  expect(await run([process.execPath, tsc, ...STRICT, 'consumer.ts'], consumer)).toEqual({ exit: 0, output: '' });
  expect(await run([process.execPath, 'consumer.ts'], consumer)).toEqual({ exit: 0, output: '127.0.0.1 5\n' });
}, 60_000);

test('what is wrong in such a program is found by its types', async () => {
  const mistakes = [
    ["createServer({ rootdir: './tftpboot' });", "Did you mean to write 'rootDir'?"],
    ["createServer({ tftp: { listen: [{ address: '::', port: '69' }] } });", "Type 'string' is not assignable to type 'number'"],
    ["createServer({}).on('ended', () => {});", `Argument of type '"ended"' is not assignable`],
    ["defineConfig({ plugins: [hosts({ default: { folders: 'lab' } })] });", "Did you mean to write 'folder'?"],
    ["definePlugin({ name: 'a', options: z.string(), setup: (text) => ({ open: () => text.size }) });", "'size' does not exist"],
    ["definePlugin({ name: 'a', setup: () => ({ open: () => 5 }) });", "Type 'number' is not assignable"],
  ] as const;
  const imports =
    "import { createServer, defineConfig, definePlugin, z } from 'pxe'; import { parseMac } from 'pxe/kit'; import { hosts } from 'pxe/plugins';";
  write(consumer, { 'wrong.ts': [imports, ...mistakes.map(([line]) => line), ''].join('\n') });
  const { exit, output } = await run([process.execPath, tsc, ...STRICT, 'wrong.ts'], consumer);
  expect(exit).not.toBe(0);
  const found = output.split(/^(?=\S)/m);
  expect(found.map((error) => Number(/^wrong\.ts\((\d+),/.exec(error)?.[1]))).toEqual(mistakes.map((_, index) => index + 2));
  for (const [index, [, message]] of mistakes.entries()) expect(found[index]).toContain(message);
}, 60_000);

const STRICT = ['--strict', '--module', 'nodenext', '--noEmit'];

/** A user's repo of configs. CommonJS by its package.json, which must not matter. */
const LAB = {
  'package.json': JSON.stringify({ name: 'lab', type: 'commonjs' }),
  'pxe.config.ts': `
    import { type Config, defineConfig, definePlugin } from 'pxe';
    import { accessLog, hosts } from 'pxe/plugins';
    import { motd } from './plugins/motd.ts';

    const whoami = definePlugin({
      name: 'whoami',
      setup: (_options, { log }) => ({
        open({ asked, name, client }) {
          if (name !== 'whoami.ipxe') return undefined;
          log.info({ asked }, 'noted');
          return Buffer.from(\`#!ipxe\\necho \${client.address}\\n\`);
        },
      }),
    });

    export default defineConfig({
      tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
      plugins: [whoami(), motd({ text: 'welcome ' }), hosts({ default: { files: { linux: 'kernel' } } }), accessLog()],
    } satisfies Config);
  `,
  'plugins/motd.ts': `
    import { definePlugin, ErrorCode, type ReadRequest, TftpError } from 'pxe';
    import { z } from 'zod';

    export const motd = definePlugin({
      name: 'motd',
      options: z.strictObject({ text: z.string(), times: z.number().default(100) }),
      setup: ({ text, times }) => ({
        open({ name }: ReadRequest): Buffer | undefined {
          if (name === 'secret') throw new TftpError(ErrorCode.accessViolation, 'not for you');
          return name === 'motd' ? Buffer.from(text.repeat(times)) : undefined;
        },
      }),
    });
  `,
};

const CONSUMER = `
  import { type Config, createServer, defineConfig, definePlugin, type Server, z } from 'pxe';
  import { parseMac } from 'pxe/kit';
  import { accessLog, hosts, identify, rewrite } from 'pxe/plugins';

  const greeting = definePlugin({
    name: 'greeting',
    options: z.strictObject({ text: z.string(), times: z.number().default(1) }),
    setup: ({ text, times }) => ({
      open: ({ name }) => (name === 'hello' ? new TextEncoder().encode(text.repeat(times)) : undefined),
    }),
  });
  const config: Config = defineConfig({
    rootDir: '.',
    tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
    plugins: [
      identify({ table: { '127.0.0.1': parseMac('5254.0012.3456')! } }),
      rewrite([{ match: /^boot\\//, replace: '' }]),
      greeting({ text: 'hello' }),
      hosts({ default: { folder: 'lab' } }),
      accessLog(),
    ],
  });
  const server: Server = createServer(config);
  server.on('end', ({ request, outcome, bytes }) => console.log(request.asked, outcome, bytes.toFixed()));
  await server.start();
  const { served } = await server.explain({ name: 'boot/hello', address: '127.0.0.1' });
  console.log(...server.addresses.map(({ address }) => address), served?.size);
  await server.stop();
`;

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Starts the installed command in a folder, and returns when it listens. */
async function serve(folder: string) {
  const child = spawn(command, ['--json'], { cwd: folder, env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'close');
  const lines: Line[] = [];
  const ready = Promise.withResolvers<void>();
  createInterface(child.stdout)
    .on('line', (text) => {
      const line: Line = JSON.parse(text);
      lines.push(line);
      if (line.msg === 'ready') ready.resolve();
    })
    .on('close', () => ready.reject(new Error('the command ended before it was ready')));
  const stop = () => {
    child.kill('SIGTERM');
    return exit;
  };
  await ready.promise;
  const port = lines.find(({ msg }) => msg === 'listening')?.port;
  if (typeof port !== 'number') throw new Error(`the command does not listen: ${JSON.stringify(lines)}`);
  return { port, lines, stop, [Symbol.asyncDispose]: async () => void (await stop()) };
}

/** Fetches a file as a boot ROM does (RFC 1350): one request, then an ACK for each DATA. */
async function get(port: number, name: string): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket('udp4');
  const blocks: Buffer[] = [];
  socket.on('error', reject);
  socket.on('message', (packet, from) => {
    const [opcode, block] = [packet.readUInt16BE(0), packet.readUInt16BE(2)];
    if (opcode !== 3) return reject(new Error(`ERROR ${block} ${packet.toString('latin1', 4, packet.length - 1)}`));
    if (block === blocks.length + 1) blocks.push(packet.subarray(4));
    const complete = packet.length < 4 + 512;
    socket.send(Buffer.from([0, 4, block >> 8, block & 0xff]), from.port, '127.0.0.1', () => {
      if (complete) resolve(Buffer.concat(blocks));
    });
  });
  socket.send(`\0\x01${name}\0octet\0`, port, '127.0.0.1');
  return promise.finally(() => socket.close());
}

interface Ended {
  readonly exit: number | string;
  /** Standard output and error. */
  readonly output: string;
}

/** `#!/usr/bin/env node`, of npm as of `pxe`, finds the Node of this run. */
const environment = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };

function run([program, ...args]: readonly [string, ...string[]], cwd = temporary): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env: environment, timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ exit: error?.code ?? error?.signal ?? 0, output: `${stdout}${stderr}` });
    });
  });
}

async function mustRun(line: readonly [string, ...string[]], cwd?: string): Promise<void> {
  const { exit, output } = await run(line, cwd);
  if (exit !== 0) throw new Error(`${line.join(' ')} ended with ${exit}:\n${output}`);
}

function write(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Sorted, relative to the folder. */
function filesUnder(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function readJson(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8'));
}
