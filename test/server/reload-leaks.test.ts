import { readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createServer, definePlugin } from '../../src/index.ts';
import { resolveConfig } from '../kit/config.ts';
import { folder, until } from '../kit/lab.ts';
import { letterConfig } from '../kit/letter-config.ts';
import { reloadingLab } from '../kit/reloading.ts';

describe('nothing is left open', () => {
  /** Opens a file, a timer and a socket. */
  const greedy = `
    const [{ open }, { createSocket }] = await Promise.all([import('node:fs/promises'), import('node:dgram')]);
    const file = await open(new URL(import.meta.url).pathname);
    context.onDispose(() => file.close());
    const timer = setInterval(() => {}, 1000);
    context.onDispose(() => clearInterval(timer));
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await new Promise((bound) => socket.once('listening', bound));
    context.onDispose(() => new Promise((closed) => socket.close(closed)));`;

  const descriptors = () => readdirSync('/proc/self/fd').length;
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  const sockets = () => process.getActiveResourcesInfo().filter((what) => what === 'UDPWrap').length;
  const open = () => ({ descriptors: descriptors(), timers: timers(), sockets: sockets() });

  test.runIf(process.platform === 'linux')('after a thousand reloads', { timeout: 60_000 }, async () => {
    const { open: openFile } = await import('node:fs/promises');
    const { createSocket } = await import('node:dgram');
    const plugin = definePlugin({
      name: 'greedy',
      async setup(_, { onDispose }) {
        const file = await openFile('/dev/null');
        onDispose(() => file.close());
        const timer = setInterval(() => {}, 1000);
        onDispose(() => clearInterval(timer));
        const socket = createSocket('udp4').bind(0, '127.0.0.1');
        await new Promise<void>((bound) => socket.once('listening', bound));
        onDispose(() => new Promise<void>((closed) => socket.close(() => closed())));
        return {};
      },
    });
    const at = folder();
    const tftp = { transport: 'portable' as const, listen: [{ address: '127.0.0.1', port: 0 }] };
    const config = () => ({ rootDir: 'ROOT', tftp, plugins: [plugin()] });
    const server = createServer(config(), { dir: at.path });
    await server.start();
    await server.reload(resolveConfig(config(), { dir: at.path }));
    await pause(200);
    const before = open();
    const begun = performance.now();
    for (let i = 0; i < 1000; i++) await server.reload(resolveConfig(config(), { dir: at.path }));
    console.log(`1000 reloads in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
    await until(() => descriptors() === before.descriptors && sockets() === before.sockets, JSON.stringify(before));
    expect(timers()).toBeLessThanOrEqual(before.timers + 4);
    await server.stop(0);
  });

  test.runIf(process.platform === 'linux')('after fifty saves, ten of them broken half-way', { timeout: 60_000 }, async () => {
    const config = (i: number, broken: boolean) =>
      letterConfig(`${i}`, { setup: `${greedy}\n${broken ? `throw new Error('half-way');` : ''}` });
    const at = await reloadingLab({ config: config(0, false) });
    await pause(100);
    const before = open();
    for (let i = 1; i <= 50; i++) {
      const broken = i % 5 === 2;
      const seen = broken ? at.nextFailure() : at.nextReload();
      at.save(config(i, broken));
      await seen;
    }
    expect(at.failures).toHaveLength(10);
    expect(at.reloads).toHaveLength(40);
    await until(() => descriptors() === before.descriptors && sockets() === before.sockets, JSON.stringify(before));
    // The server has a few of its own at times.
    expect(timers()).toBeLessThanOrEqual(before.timers + 4);
    const made = at.board.notes.filter((note) => note.startsWith('setup')).length;
    expect(made).toBe(51);
    await until(() => at.board.notes.filter((note) => note.startsWith('dispose')).length === 50, 'end of all but the last');
  });
});
