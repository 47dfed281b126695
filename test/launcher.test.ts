/** How `pxe` begins: which Node runs it, and whose folder it looks in. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { folder } from './kit/lab.ts';
import { run } from './kit/pxe.ts';

const clone = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const entry = join(clone, 'bin/pxe.js');
const launcher = join(clone, 'bin/pxe');

/** Runs the entry by this Node, which claims to be another. */
function asNode(version: string) {
  const claim = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
    Object.defineProperty(process, 'version', { value: 'v${version}' });`;
  return run([process.execPath, '--import', `data:text/javascript,${encodeURIComponent(claim)}`, entry, '--version']);
}

describe('a Node that is too old', () => {
  test.each(['14.21.3', '18.20.8', '20.20.2', '21.7.3', '22.21.9', '23.11.1'])('%s is refused in words', async (version) => {
    const { code, stdout, stderr } = await asNode(version);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(`pxe: needs Node 22.22, or 24 and later; this is v${version} (`);
    expect(stderr).toContain('npm ci --ignore-scripts=false');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test.each(['22.22.0', '22.30.1', '24.0.0', '25.1.0', '26.10.0', '30.0.0'])('%s is not', async (version) => {
    expect(await asNode(version)).toMatchObject({ code: 0, stderr: '' });
  });

  test('the entry needs nothing but a Node that knows modules, and says what package.json says', () => {
    const text = readFileSync(entry, 'utf8');
    expect(text).not.toMatch(/^import |\bawait\b|\?\?|\?\./m);
    expect(JSON.parse(readFileSync(join(clone, 'package.json'), 'utf8')).engines.node).toBe('^22.22 || >=24');
  });

  // The system's own, where it is one: of Debian 13, for instance.
  test('the real one of this machine, if it is', async () => {
    const { stdout: version } = await run(['/usr/bin/env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', 'node', '--version']).catch(
      () => ({ stdout: 'none' }),
    );
    const ran = await run(['/usr/bin/env', '-i', 'PATH=/usr/local/bin:/usr/bin:/bin', 'node', entry, '--version']).catch(
      () => undefined,
    );
    const isOld = /^v(\d|1\d|2[013])\./.test(version);
    if (isOld) expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining(`this is ${version.trim()}`) });
    else if (ran) expect(ran.stderr).not.toMatch(/^\s+at /m);
  });

  test("a clone without its own Node takes the system's, which says what is missing", async () => {
    const { path } = folder();
    mkdirSync(join(path, 'bin'));
    for (const name of ['pxe', 'pxe.js']) copyFileSync(join(clone, 'bin', name), join(path, 'bin', name));
    const old = join(path, 'old');
    mkdirSync(old);
    symlinkSync('/bin/echo', join(old, 'node'));
    const { stdout } = await run([join(path, 'bin/pxe'), '--version'], { env: { PATH: `${old}:/usr/bin:/bin` } });
    expect(stdout.trim()).toBe(`${path}/bin/pxe.js --version`);
  });
});

describe('the folder that is looked in', () => {
  /** An infra repo with a config of its own. */
  function infra() {
    const at = folder();
    at.put('boot/pxe.config.ts', "export default { rootDir: './files', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] } };");
    at.put('boot/files/mine.txt', 'mine');
    return { ...at, boot: join(at.path, 'boot') };
  }

  const ask = ['explain', 'mine.txt', '--ip', '127.0.0.1'];

  test("bin/pxe: the caller's, by a link on the PATH, too", async () => {
    const { boot, path } = infra();
    const link = join(path, 'pxe');
    symlinkSync(launcher, link);
    for (const command of [launcher, link]) {
      expect(await run([command, ...ask], { cwd: boot })).toMatchObject({ code: 0, stdout: expect.stringContaining('mine.txt') });
      const named = await run([command, ...ask, '--config', 'boot/pxe.config.ts'], { cwd: path });
      expect(named).toMatchObject({ code: 0 });
    }
  });

  test.skipIf(!existsSync(join(clone, 'node_modules/.bin/node')))("npm --prefix CLONE run pxe: the caller's", async () => {
    const { boot, path } = infra();
    const npm = ['npm', '--prefix', clone, 'run', '-s', 'pxe', '--'];
    expect(await run([...npm, ...ask], { cwd: boot })).toMatchObject({ code: 0, stdout: expect.stringContaining('mine.txt') });
    // Where there is none, the clone's is not taken in its place.
    const none = await run([...npm, 'check'], { cwd: path });
    expect(none.code).toBe(2);
    expect(none.stderr).toContain(`no config found in ${path}`);
  });

  test('a script of another package keeps the folder that it was given', async () => {
    const { boot, path } = infra();
    const env = { INIT_CWD: '/', npm_package_json: join(path, 'package.json') };
    expect(await run([launcher, ...ask], { cwd: boot, env })).toMatchObject({ code: 0 });
  });
});
