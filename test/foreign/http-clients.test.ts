/** HTTP clients of Debian against the server as a user runs it. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, type Served, serve } from '../kit/serve.ts';
import { describeWith, requireTools } from '../kit/tools.ts';

const run = promisify(execFile);
const BYTES = Buffer.from(Uint8Array.from({ length: 3_000_017 }, (_, i) => (i * 7919) % 251));

describeWith('foreign HTTP clients', requireTools('curl', 'wget', 'busybox'), () => {
  let folder: string;
  let origin: string;
  let server: Served;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'pxe-http-clients-'));
    mkdirSync(join(folder, 'root/boot'), { recursive: true });
    writeFileSync(join(folder, 'root/boot/kernel'), BYTES);
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const config = {
      rootDir: 'root',
      stableMs: 0,
      tftp: { listen: [{ address: '127.0.0.1', port: 0 }] },
      http: { listen: [{ address: '127.0.0.1', port }] },
    };
    writeFileSync(join(folder, 'pxe.config.json'), JSON.stringify(config));
    server = await serve({ flags: ['--config', join(folder, 'pxe.config.json')], listeners: 2, cwd: folder });
  });

  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  const part = () => writeFileSync(join(folder, 'got'), BYTES.subarray(0, 1_000_000));

  test.each([
    ['curl', (url: string) => ['curl', '-sSf', '-o', 'got', url], () => {}],
    ['curl, by HTTP/1.0', (url: string) => ['curl', '-sSf0', '-o', 'got', url], () => {}],
    ['curl, going on', (url: string) => ['curl', '-sSf', '-C', '-', '-o', 'got', url], part],
    ['wget', (url: string) => ['wget', '-q', '-O', 'got', url], () => {}],
    ['wget, going on', (url: string) => ['wget', '-q', '-c', '-O', 'got', url], part],
    ['busybox wget', (url: string) => ['busybox', 'wget', '-q', '-O', 'got', url], () => {}],
    ['busybox wget, going on', (url: string) => ['busybox', 'wget', '-q', '-c', '-O', 'got', url], part],
  ])('%s', async (_, command, before) => {
    rmSync(join(folder, 'got'), { force: true });
    before();
    const [program, ...args] = command(`${origin}/boot//kernel`);
    await run(program!, args, { cwd: folder });
    expect(readFileSync(join(folder, 'got')).equals(BYTES)).toBe(true);
  });

  test('curl asks for the size, uploads nothing, and is told of what is absent', async () => {
    const head = await run('curl', ['-sSfI', `${origin}/boot/kernel`]);
    expect(head.stdout).toContain('Content-Length: 3000017');
    const status = async (...args: string[]) =>
      (await run('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_code}', ...args])).stdout;
    expect(await status('-T', join(folder, 'pxe.config.json'), `${origin}/boot/new`)).toBe('405');
    expect(await status(`${origin}/absent`)).toBe('404');
    expect(await status('--path-as-is', `${origin}/../pxe.config.json`)).toBe('403');
  });
});
