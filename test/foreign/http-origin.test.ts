/** httpOrigin before a real nginx, served by the command line over loopback: what the table of docs/guide.md says of it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { download } from '../../src/tftp/client/client.ts';
import { type Served, serve } from '../kit/serve.ts';
import { describeWith, requireFiles, requireTools } from '../kit/tools.ts';
import { accessLog, type NginxOptions, nginxProgram, startNginx } from './nginx.ts';
import { run } from './run.ts';

const MB = 1_000_000;
const large = randomBytes(50 * MB);

/** A folder for nginx, a config for pxe, and the two of them. */
async function lab(options: object = {}, scheme = 'http') {
  const dir = mkdtempSync(join(tmpdir(), 'pxe-nginx-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const port = await freeTcpPort();
  for (const name of ['www/pub', 'root']) mkdirSync(join(dir, name), { recursive: true });
  const origin = { prefix: 'os/', url: `${scheme}://127.0.0.1:${port}/pub/`, cacheDir: './cache', freshMs: 0, ...options };
  writeFileSync(
    join(dir, 'pxe.config.ts'),
    `import { defineConfig } from 'pxe';
     import { httpOrigin } from 'pxe/plugins';
     export default defineConfig({
       rootDir: './root', tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }, plugins: [httpOrigin(${JSON.stringify(origin)})],
     });`,
  );
  return {
    asked: () => accessLog(dir),
    put: (name: string, bytes: Uint8Array) => writeFileSync(join(dir, 'www/pub', name), bytes),
    kept: () => readdirSync(join(dir, 'cache')),
    dir,
    async nginx(options: NginxOptions = {}) {
      const nginx = await startNginx(dir, port, options);
      onTestFinished(() => nginx.kill());
      return nginx;
    },
    async pxe(env: Record<string, string> = {}) {
      const served = await serve({ flags: ['--config', join(dir, 'pxe.config.ts')], cwd: dir, env });
      onTestFinished(() => served.stop(0).then(() => {}));
      return served;
    },
  };
}

/** One client that compares every byte as it comes. */
class Client {
  /** The number of bytes, or the ERROR that it got. */
  readonly end: Promise<number | string>;
  readonly #stop = new AbortController();
  #bytes = 0;
  #wake = () => {};

  constructor({ port }: Served, name: string, expected: Uint8Array) {
    const take = (piece: Uint8Array): void => {
      const wanted = expected.subarray(this.#bytes, this.#bytes + piece.length);
      if (Buffer.compare(piece, wanted) !== 0) throw new Error(`wrong bytes after ${this.#bytes}`);
      this.#bytes += piece.length;
      this.#wake();
    };
    const options = { blockSize: 65464, windowSize: 2, signal: this.#stop.signal };
    this.end = download(`tftp://127.0.0.1:${port}/os/${name}`, take, options).then(
      () => this.#bytes,
      (error: Error) => error.message,
    );
  }

  /** Resolves when so many bytes have come. */
  async reached(bytes: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = () => this.#bytes >= bytes && resolve();
    this.#wake();
    const ended = await Promise.race([promise, this.end]);
    if (ended !== undefined) throw new Error(`ended too early: ${ended}`);
  }

  stop(): void {
    this.#stop.abort();
  }
}

describeWith('httpOrigin before nginx', [...requireFiles(nginxProgram), ...requireTools('openssl')], () => {
  test('100 clients ask for 50 MB cold: the origin sees one download', async () => {
    const { asked, nginx, pxe, put } = await lab();
    put('initrd', large);
    await nginx();
    const served = await pxe();
    const clients = Array.from({ length: 100 }, () => new Client(served, 'initrd', large).end);
    expect(new Set(await Promise.all(clients))).toEqual(new Set([large.length]));
    expect(await asked()).toEqual([`GET /pub/initrd 200 - ${large.length}`]);
    expect(served.noise).toEqual([]);
  }, 240_000);

  test('nginx is killed half-way and comes back: the client gets the rest, and the origin sends no more than that', async () => {
    const { asked, nginx, pxe, put } = await lab();
    put('initrd', large);
    const first = await nginx({ stallAfterBytes: 20 * MB });
    const served = await pxe();
    const client = new Client(served, 'initrd', large);
    await client.reached(10 * MB);
    await first.kill();
    const { bytes } = await served.logged(({ msg }) => msg === 'download interrupted', 15_000);
    await nginx();
    expect(await client.end).toBe(large.length);
    expect(await asked()).toEqual([`GET /pub/initrd 206 bytes=${bytes}- ${large.length - Number(bytes)}`]);
  });

  test('pxe is killed half-way and comes back: the next download goes on from what is on the disk', async () => {
    const { asked, nginx, pxe, put } = await lab();
    put('initrd', large);
    const first = await nginx({ stallAfterBytes: 25 * MB });
    const killed = await pxe();
    const client = new Client(killed, 'initrd', large);
    await client.reached(20 * MB);
    process.kill(killed.pid, 'SIGKILL');
    client.stop();
    await first.kill();
    await nginx();
    const served = await pxe();
    expect(await new Client(served, 'initrd', large).end).toBe(large.length);
    const from = 16 * 1024 ** 2;
    expect(await asked()).toEqual([expect.stringMatching(/^GET \/pub\/initrd 206 bytes=\d+- \d+$/)]);
    expect(Number(/bytes=(\d+)-/.exec((await asked())[0]!)?.[1])).toBeGreaterThanOrEqual(from);
  });

  test('the file changes while nginx is away: ERROR 0, never mixed bytes; then the new version', async () => {
    const { kept, nginx, pxe, put } = await lab();
    put('initrd', large);
    const first = await nginx({ stallAfterBytes: 20 * MB });
    const served = await pxe();
    const client = new Client(served, 'initrd', large);
    await client.reached(10 * MB);
    await first.kill();
    const changed = randomBytes(30 * MB);
    put('initrd', changed);
    await nginx();
    expect(await client.end).toContain('file changed during transfer');
    expect(await new Client(served, 'initrd', changed).end).toBe(changed.length);
    await served.logged(({ msg }) => msg === 'download completed', 15_000);
    expect(kept()).toHaveLength(2);
  });

  test('a new version is served from the next request on; without nginx there is an error, or the old copy', async () => {
    const small = randomBytes(100_000);
    const next = randomBytes(90_000);
    for (const staleIfError of [false, true]) {
      const { asked, nginx, pxe, put } = await lab({ staleIfError });
      put('kernel', small);
      const running = await nginx();
      const served = await pxe();
      const get = async (expected: Uint8Array) => new Client(served, 'kernel', expected).end;
      expect(await get(small)).toBe(small.length);
      await served.logged(({ msg }) => msg === 'download completed', 15_000);
      expect(await get(small)).toBe(small.length);
      put('kernel', next);
      expect(await get(next)).toBe(next.length);
      await vi.waitFor(() => expect(served.log.filter(({ msg }) => msg === 'download completed')).toHaveLength(2), 15_000);
      await running.kill();
      expect(await get(next)).toEqual(staleIfError ? next.length : expect.stringContaining('origin is not available'));
      expect(await asked()).toEqual([
        `GET /pub/kernel 200 - ${small.length}`,
        'GET /pub/kernel 304 - 0',
        `GET /pub/kernel 200 - ${next.length}`,
      ]);
    }
  });

  test('a full cache lets the least recently used go; what is larger than all of it is refused', async () => {
    const { asked, kept, nginx, pxe, put } = await lab({ cacheBytes: 5 * MB, freshMs: 60_000 });
    const files = new Map(['a', 'b', 'c'].map((name) => [name, randomBytes(2 * MB)]));
    for (const [name, bytes] of files) put(name, bytes);
    put('huge', randomBytes(6 * MB));
    await nginx();
    const served = await pxe();
    for (const [index, name] of ['a', 'b', 'a', 'c', 'a', 'b'].entries()) {
      expect(await new Client(served, name, files.get(name)!).end).toBe(2 * MB);
      const downloads = [1, 2, 2, 3, 3, 4][index];
      await vi.waitFor(
        () => expect(served.log.filter(({ msg }) => msg === 'download completed')).toHaveLength(downloads!),
        15_000,
      );
    }
    expect((await asked()).map((line) => line.split(' ')[1])).toEqual(['/pub/a', '/pub/b', '/pub/c', '/pub/b']);
    const before = kept();
    expect(await new Client(served, 'huge', large).end).toContain('cache is full');
    expect(kept()).toEqual(before);
  });

  test('over https: a certificate that nobody vouches for is refused, and the token stays here', async () => {
    const { dir, asked, nginx, pxe, put } = await lab({ authorization: { env: 'PXE_TEST_TOKEN' } }, 'https');
    const bytes = randomBytes(100_000);
    put('kernel', bytes);
    const tls = { certificate: join(dir, 'certificate.pem'), key: join(dir, 'key.pem') };
    const request = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=origin -addext subjectAltName=IP:127.0.0.1';
    const files = ['-out', tls.certificate, '-keyout', tls.key];
    expect(await run(['openssl', ...request.split(' '), ...files], 20_000)).toMatchObject({ exit: 0 });
    await nginx({ tls });
    const env = { PXE_TEST_TOKEN: 'secret-token' };
    const wary = await pxe(env);
    expect(await new Client(wary, 'kernel', bytes).end).toContain('origin is not available');
    const { reason } = await wary.logged(({ msg }) => msg === 'origin failed');
    expect(reason).toContain('self-signed certificate');
    expect(await asked()).toEqual([]);
    const trusting = await pxe({ ...env, NODE_EXTRA_CA_CERTS: tls.certificate });
    expect(await new Client(trusting, 'kernel', bytes).end).toBe(bytes.length);
    expect(JSON.stringify([wary.log, trusting.log])).not.toContain('secret-token');
  });
});

/** A TCP port that is free on loopback. */
async function freeTcpPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
