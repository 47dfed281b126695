/**
 * Folders that hang (FUSE) under a server as a user runs it: they harm who asks for what hangs, and nobody else.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HangingFolder, requireFuse } from '../kit/hanging-folder.ts';
import { type Served, serve } from '../kit/serve.ts';
import { get } from '../kit/tftp.ts';
import { describeWith } from '../kit/tools.ts';

const DISK_MS = 1_500;
/** Much longer than what does not hang takes on a busy machine, and shorter than any time limit of the server but these. */
const SOON_MS = 10_000;
const SILENT = 'file system does not answer';
/** Each in a folder of its own: the kernel lets a lookup that hangs hold up all others in its folder, whatever a server does. */
const HUNG = Array.from({ length: 8 }, (_, i) => `d${i}/hung`);

async function hangingFolder(): Promise<HangingFolder> {
  const folder = await HangingFolder.make();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  return folder;
}

function localFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'pxe-local-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function configIn(folder: string, text: string): string {
  const file = join(folder, 'pxe.config.mjs');
  writeFileSync(file, `import { accessLog, identify } from 'pxe/plugins';\nexport default { ${text} };\n`);
  return file;
}

/** Released before the server is stopped, whatever fails. */
async function served(folder: HangingFolder, config: string): Promise<Served> {
  const server = await serve({ flags: ['--config', config] });
  onTestFinished(async () => {
    folder.release();
    await server.stop();
  });
  return server;
}

/** What a client gets: the file's text, or the error's. */
async function ask(server: Served, name: string): Promise<string> {
  const { bytes, error } = await get(server.listeners[0]!, name);
  return error === undefined ? Buffer.from(bytes).toString() : error.message;
}

describeWith('a disk that hangs', requireFuse(), () => {
  describe.each(['portable', 'native'] as const)('%s', (transport) => {
    const limits = `limits: { diskMs: ${DISK_MS} }`;
    const listening = `tftp: { listen: [{ address: '127.0.0.1', port: 0 }], transport: '${transport}' }, plugins: [accessLog()]`;
    const rootConfig = (root: string) => `rootDir: ${JSON.stringify(root)}, ${listening}, ${limits}`;

    test('eight names hang under the root: the others are served, the log goes on, a reload works', async () => {
      const folder = await hangingFolder();
      for (const name of [...HUNG, 'fine', 'also-fine']) folder.put(name, name);
      const config = configIn(localFolder(), rootConfig(folder.path));
      const server = await served(folder, config);
      await expect(ask(server, 'fine')).resolves.toBe('fine');

      folder.trouble(...HUNG.map((name, i) => ({ call: i < 4 ? ('getattr' as const) : ('open' as const), name, does: 'hang' })));
      // Two clients each: the second must not take a thread more for long.
      const asked = [...HUNG, ...HUNG].map((name) => ask(server, name));
      await sleep(200);
      await expect(ask(server, 'also-fine')).resolves.toBe('also-fine');
      await server.logged(({ asked }) => asked === 'also-fine');
      await expect(Promise.all(asked)).resolves.toEqual(asked.map(() => SILENT));
      const line = await server.logged(({ msg }) => msg === 'folder does not answer');
      expect(line).toMatchObject({ folder: folder.path, ms: DISK_MS });
      expect(String(line.path).startsWith(folder.path)).toBe(true);
      // Refused without waiting for the disk again.
      const begun = performance.now();
      for (const name of HUNG) await expect(ask(server, name)).resolves.toBe(SILENT);
      expect(performance.now() - begun).toBeLessThan(HUNG.length * DISK_MS);
      await expect(ask(server, 'fine')).resolves.toBe('fine');

      process.kill(server.pid, 'SIGHUP');
      await server.logged(({ generation, msg }) => generation === 2 && msg === 'reload done', SOON_MS);
      await expect(ask(server, 'fine')).resolves.toBe('fine');
      await expect(ask(server, HUNG[0]!)).resolves.toBe(SILENT);

      folder.release();
      await server.logged(({ msg }) => msg === 'folder answers again');
      for (const name of HUNG) await expect(ask(server, name)).resolves.toBe(name);
      expect(server.noise).toEqual([]);
    });

    test('the whole root hangs, under many names: it is refused in words, and all is well when it answers again', async () => {
      const folder = await hangingFolder();
      const names = Array.from({ length: 60 }, (_, i) => `f${i}`);
      for (const name of names) folder.put(name, name);
      const server = await served(folder, configIn(localFolder(), rootConfig(folder.path)));
      folder.trouble({ call: '*', name: '*', does: 'hang' });
      const answers = await Promise.all(names.map((name) => ask(server, name)));
      expect(new Set(answers)).toEqual(new Set([SILENT]));
      process.kill(server.pid, 'SIGHUP');
      await server.logged(({ generation, msg }) => generation === 2 && msg === 'reload done', SOON_MS);
      folder.release();
      await server.logged(({ msg }) => msg === 'folder answers again');
      await expect(ask(server, 'f7')).resolves.toBe('f7');
    });

    test('SIGTERM ends it while the whole root hangs', async () => {
      const folder = await hangingFolder();
      folder.put('f', 'f');
      const config = configIn(localFolder(), rootConfig(folder.path).replace('limits: {', 'limits: { stopMs: 500,'));
      const server = await served(folder, config);
      folder.trouble({ call: '*', name: '*', does: 'hang' });
      await expect(ask(server, 'f')).resolves.toBe(SILENT);
      const begun = performance.now();
      await server.stop(SOON_MS);
      // Past that it is killed by the test.
      expect(performance.now() - begun).toBeLessThan(SOON_MS - 1_000);
    });

    test('a read that hangs, or fails, harms its own transfer', async () => {
      const folder = await hangingFolder();
      folder.put('large', Buffer.alloc(300_000, 'x'));
      for (const name of ['small', 'broken', 'fine']) folder.put(name, name);
      const server = await served(folder, configIn(localFolder(), rootConfig(folder.path)));
      folder.trouble(
        { call: 'read', name: 'large', does: 'hang' },
        { call: 'read', name: 'small', does: 'hang' },
        { call: 'read', name: 'broken', does: 'EIO' },
      );
      const large = ask(server, 'large').catch((error: Error) => error.message);
      await expect(ask(server, 'broken')).resolves.toBe('cannot read file');
      await expect(ask(server, 'small')).resolves.toBe(SILENT);
      await expect(ask(server, 'fine')).resolves.toBe('fine');
      folder.release();
      await large;
      await expect(ask(server, 'small')).resolves.toBe('small');
    });

    test('a lease file hangs: its last table counts, and files of a local root are served', async () => {
      const folder = await hangingFolder();
      const root = localFolder();
      writeFileSync(join(root, 'fine'), 'fine');
      const leases = folder.put('dnsmasq.leases', '0 52:54:00:12:34:56 127.0.0.1 m *\n');
      const plugins = `plugins: [identify({ leases: [${JSON.stringify(leases)}] }), accessLog()]`;
      const config = rootConfig(root).replace('plugins: [accessLog()]', plugins);
      const server = await served(folder, configIn(localFolder(), config));
      await expect(ask(server, 'fine')).resolves.toBe('fine');
      const before = await server.logged(({ mac, msg }) => mac !== undefined && msg === 'transfer completed');
      folder.trouble({ call: '*', name: '*', does: 'hang' });
      const begun = performance.now();
      for (let i = 0; i < 5; i++) await expect(ask(server, 'fine')).resolves.toBe('fine');
      // The first request waits for a second; five would take more than that each if all did.
      expect(performance.now() - begun).toBeLessThan(5_000);
      const known = () => server.log.filter(({ mac, msg }) => mac === before.mac && msg === 'transfer completed');
      await server.logged(() => known().length === 6);
      expect(server.log.filter(({ msg }) => msg.startsWith('lease file does not answer'))).toHaveLength(1);
      folder.release();
      folder.put('dnsmasq.leases', '0 52:54:00:12:34:57 127.0.0.1 m *\n');
      await server.logged(({ msg }) => msg === 'lease file answers again');
      await expect(ask(server, 'fine')).resolves.toBe('fine');
      await server.logged(({ mac }) => mac !== undefined && mac !== before.mac);
    });

    test('the folder of the config hangs at a reload: the current config stays in force', async () => {
      const folder = await hangingFolder();
      const root = localFolder();
      writeFileSync(join(root, 'fine'), 'fine');
      const config = folder.put('pxe.config.json', '{}');
      const text = (windowSize: number) =>
        JSON.stringify({
          rootDir: root,
          tftp: { listen: [{ address: '127.0.0.1', port: 0 }], transport, limits: { windowSize } },
        });
      folder.put('pxe.config.json', text(8));
      const server = await served(folder, config);
      folder.trouble({ call: '*', name: '*', does: 'hang' });
      process.kill(server.pid, 'SIGHUP');
      const failed = await server.logged(({ msg }) => msg.startsWith('reload failed'), SOON_MS);
      expect(failed.msg).toContain('does not answer');
      await expect(ask(server, 'fine')).resolves.toBe('fine');
      folder.release();
      folder.put('pxe.config.json', text(9));
      process.kill(server.pid, 'SIGHUP');
      await server.logged(({ generation, msg }) => generation !== undefined && msg === 'reload done', SOON_MS);
      await expect(ask(server, 'fine')).resolves.toBe('fine');
    });
  });
});
