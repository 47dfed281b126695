/** `pxe serve` ends whatever hangs, and names what it waits for. In processes of its own, on both transports. */
import { describe, expect, test } from 'vitest';
import { folder, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import { type Served, serve } from '../kit/serve.ts';
import { ack, get, Peer, rrq } from '../kit/tftp.ts';

const PLUGINS = `

import { open } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
const never = () => new Promise(() => {});
const spin = (ms = Infinity) => { for (const end = Date.now() + ms; Date.now() < end; ); };
const hang = (count) => {
  const pipe = import.meta.dirname + '/pipe';
  execFileSync('mkfifo', [pipe]);
  for (let i = 0; i < count; i++) open(pipe).catch(() => {});
};
const deeds = {
  spin: () => spin(), regexp: () => void /^(a+)+\\1$/.test('a'.repeat(60) + 'b'), block: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), pause: () => spin(3500),
  // Each holds one of four threads of libuv's pool for ever: nothing writes to the pipe.
  lookups3: () => hang(3), lookups8: () => hang(8),
};
const bad = definePlugin({ name: 'bad', setup: (_options, { onDispose }) => {
  if (process.env.DISPOSE) onDispose(() => process.env.DISPOSE === 'spin' ? spin() : never());
  return { rewrite({ name }) { deeds[name]?.(); return undefined; } };
} });`;

async function bad(env: Record<string, string> = {}, limits = 'stopMs: 500') {
  const at = folder();
  at.put('ROOT/file', 'hello');
  const file = at.put(
    'pxe.config.ts',
    `import { definePlugin } from 'pxe';${PLUGINS}
export default { rootDir: './ROOT', limits: { ${limits} }, plugins: [bad()],
  tftp: { transport: process.env.TRANSPORT, listen: [{ address: '127.0.0.1', port: 0 }] } };`,
  );
  const server = await serve({ flags: ['--config', file], env });
  await server.logged(({ msg }) => msg === 'ready');
  return Object.assign(server, { file, put: at.put });
}

/** Asks for a name, and does not wait for an answer. */
async function ask(server: Served, name: string): Promise<void> {
  await using peer = await Peer.open();
  peer.send(server.listeners[0]!, rrq(name));
  await peer.poll(300);
}

/** Far below what a service manager waits, far above what a busy machine delays. */
const SOON_MS = 12_000;

describe.each(['native', 'portable'])('%s', (TRANSPORT) => {
  test.each([
    'spin',
    'regexp',
    'block',
  ])('a hook that never comes back (%s) is named, and SIGTERM ends the process', async (name) => {
    await using server = await bad({ TRANSPORT });
    await ask(server, name);
    await until(() => server.noise.some((line) => line.includes('been blocked')), 'the stall told', SOON_MS);
    expect(server.noise).toEqual(['pxe: the main thread has been blocked for 2 s in plugin "bad", hook rewrite: requests wait']);
    expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
    // It ended itself: the helper's own SIGKILL would have left no word.
    expect(server.noise.slice(1)).toEqual(['pxe: killing the process: the main thread is blocked in plugin "bad", hook rewrite']);
  });

  test('a signal that comes before the stall is noticed is not lost', async () => {
    await using server = await bad({ TRANSPORT });
    await ask(server, 'spin');
    expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
    expect(server.noise.at(-1)).toMatch(/^pxe: killing the process: the main thread is blocked in plugin "bad", hook rewrite$/);
  });

  test('a hook that comes back late is told in the log, too, and the server goes on', async () => {
    await using server = await bad({ TRANSPORT });
    await ask(server, 'pause');
    const line = await server.logged(({ msg }) => msg.includes('was blocked'), 10_000);
    expect(line).toMatchObject({ level: 40, msg: 'the main thread was blocked in plugin "bad", hook rewrite' });
    expect(line.ms).toBeGreaterThan(3000);
    expect((await get(server.listeners[0]!, 'file')).bytes.toString()).toBe('hello');
    expect(server.noise[0]).toMatch(/been blocked for 2 s in plugin "bad", hook rewrite/);
    await until(() => server.noise.length > 1, 'the end of the stall', SOON_MS);
    expect(server.noise[1]).toMatch(/runs again after/);
  });
});

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'a transfer under way comes to its end while a hook spins for ever (native)',
  async () => {
    await using server = await bad({ TRANSPORT: 'native' });
    const large = seeded(5).bytes(400_000);
    server.put('ROOT/large', large);
    await using peer = await Peer.open();
    peer.send(server.listeners[0]!, rrq('large', 'octet', { blksize: 1024 }));
    const { from, kind } = await peer.reply();
    expect(kind).toBe('oack');
    peer.send(from, ack(0));
    const pieces: Uint8Array[] = [];
    for (let block = 1; block <= Math.floor(large.length / 1024) + 1; ) {
      const reply = await peer.reply();
      if (reply.kind !== 'data') throw new Error(`${reply.kind} in place of block ${block}`);
      // Block 10 comes again while its ACK waits for the stall.
      if (reply.block !== block) continue;
      pieces.push(reply.payload);
      if (block === 10) {
        await ask(server, 'spin');
        await until(() => server.noise.length > 0, 'the stall told', SOON_MS);
      }
      peer.send(from, ack(block++));
    }
    expect(Buffer.concat(pieces).equals(large)).toBe(true);
    expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
  },
);

test.each(['hang', 'spin'])('a dispose that does not end (%s)', async (DISPOSE) => {
  await using server = await bad({ TRANSPORT: 'auto', DISPOSE });
  expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
  expect(server.noise.at(-1)).toMatch(/^pxe: killing the process: /);
});

test.each(['lookups3', 'lookups8'])('calls of the file system that never return: %s', async (name) => {
  await using server = await bad({ TRANSPORT: 'auto', UV_THREADPOOL_SIZE: '4' });
  await ask(server, name);
  expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
  const told = [...server.noise, ...server.log.map(({ msg }) => msg)].filter((line) => line.includes('killing the process'));
  expect(told).toHaveLength(1);
});

test('an import that spins at a reload is named', async () => {
  await using server = await bad({ TRANSPORT: 'auto' });
  server.put('pxe.config.ts', 'for (;;);');
  await until(() => server.noise.length > 0, 'the stall told', SOON_MS);
  expect(server.noise).toEqual(['pxe: the main thread has been blocked for 2 s during the import of the config: requests wait']);
  expect(await server.stop(SOON_MS)).toEqual({ code: null, signal: 'SIGKILL' });
});

test('SIGUSR2 does nothing, and SIGUSR1 tells what runs, without a debugger', async () => {
  await using server = await bad({ TRANSPORT: 'auto' });
  server.put('ROOT/large', Buffer.alloc(100_000));
  await using peer = await Peer.open();
  peer.send(server.listeners[0]!, rrq('large'));
  await peer.next();
  process.kill(server.pid, 'SIGUSR2');
  process.kill(server.pid, 'SIGUSR1');
  expect(await server.logged(({ msg }) => msg === 'transfer under way')).toMatchObject({
    client: '127.0.0.1',
    port: peer.port,
    asked: 'large',
    size: 100_000,
    bytes: 0,
    ageMs: expect.any(Number),
    generation: 1,
  });
  expect(await server.logged(({ msg }) => msg === 'status')).toMatchObject({
    ...{ transfers: 1, generation: 1 },
    stats: {
      counters: { 'requests.read': 1, 'outcomes.completed': 0 },
      gauges: { 'live.requests': 1, 'live.generations': 1 },
      histograms: { 'answer-seconds': { count: 1, p50: expect.any(Number) } },
    },
  });
  expect(await server.stop()).toEqual({ code: 0, signal: null });
  // Node says there that its debugger listens.
  expect(server.noise).toEqual([]);
});
