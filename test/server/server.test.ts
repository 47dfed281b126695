/** The server as a program that embeds it has it: start, stop, what it tells, and whole transfers over loopback. */
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { createServer, definePlugin, type Hooks } from '../../src/index.ts';
import { folder, gate, keepingLog, type LogLine, lab, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import { freePort } from '../kit/serve.ts';
import { ack, error, get, isData, isError, Peer, parse, put, rrq, wrq } from '../kit/tftp.ts';

const any = [{ address: '127.0.0.1', port: 0 }];
const file = seeded(7).bytes(200_000);

function plugin(name: string, hooks: Hooks, setup: () => void | Promise<void> = () => {}) {
  return definePlugin({
    name,
    async setup() {
      await setup();
      return hooks;
    },
  })();
}

/** Begins to read a file of many blocks and stops after the first. */
async function begin(address: { address: string; port: number }, name = 'file') {
  const peer = await Peer.open();
  peer.send(address, rrq(name, 'octet', { blksize: 1000 }));
  const { from } = await peer.reply();
  peer.send(from, ack(0));
  await peer.find(isData(1));
  return { peer, from };
}

/** Reads on to the end. */
async function finish({ peer, from }: Awaited<ReturnType<typeof begin>>): Promise<number> {
  for (let block = 1; ; ) {
    peer.send(from, ack(block));
    if (block * 1000 > file.length) return block;
    const reply = await peer.reply();
    if (reply.kind === 'error' && reply.from.port === from.port) throw new Error(reply.message);
    if (reply.kind === 'data' && reply.block === block + 1) block++;
  }
}

describe('start', () => {
  test('binds, tells where, and serves', async () => {
    const { server, address, log, put: write } = await lab({ tftp: { listen: [...any, { address: '::1', port: 0 }] } });
    expect(server.addresses).toHaveLength(2);
    expect(server.addresses.map(({ address }) => address)).toEqual(['127.0.0.1', '::1']);
    expect(log.filter(({ msg }) => msg === 'listening')).toMatchObject(server.addresses);
    write('ROOT/file', 'hello');
    for (const at of server.addresses) expect((await get(at, 'file')).bytes.toString()).toBe('hello');
    expect(address.port).toBeGreaterThan(0);
    await server.start();
    expect(server.addresses).toHaveLength(2);
  });

  test('tells its listeners of every address', async () => {
    const told: unknown[] = [];
    const server = createServer({ rootDir: '.', tftp: { listen: any } }, { dir: folder().path });
    server.on('listening', (address) => void told.push(address));
    await server.start();
    expect(told).toEqual(server.addresses);
    await server.stop(0);
  });

  test('with a port that is taken rejects, leaves nothing bound, and disposes of the plugins', async () => {
    const { address } = await lab();
    const port = await freePort();
    const disposed: string[] = [];
    const kept = definePlugin({
      name: 'kept',
      setup(_, { onDispose }) {
        onDispose(() => void disposed.push('kept'));
        return {};
      },
    });
    const server = createServer(
      { rootDir: '.', tftp: { listen: [{ address: '127.0.0.1', port }, { ...address }] }, plugins: [kept()] },
      { dir: folder().path },
    );
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE', port: address.port });
    expect(disposed).toEqual(['kept']);
    expect(server.addresses).toEqual([]);
    await using again = await Peer.open('127.0.0.1', port);
    expect(again.port).toBe(port);
    await server.stop();
  });

  test('with a plugin whose setup fails rejects with a PluginError and binds nothing', async () => {
    const port = await freePort();
    const bad = plugin('bad', {}, () => Promise.reject(new Error('no licence')));
    const server = createServer(
      { rootDir: '.', tftp: { listen: [{ address: '127.0.0.1', port }] }, plugins: [bad] },
      { dir: folder().path },
    );
    await expect(server.start()).rejects.toMatchObject({ name: 'PluginError', plugin: 'bad', hook: 'setup' });
    await expect(server.explain({ name: 'x', address: '127.0.0.1' })).rejects.toThrow('not started');
    await using bindable = await Peer.open('127.0.0.1', port);
    expect(bindable.port).toBe(port);
    await server.stop();
  });

  test('after stop rejects', async () => {
    const server = createServer({ rootDir: '.', tftp: { listen: any } }, { dir: folder().path });
    await server.stop();
    await expect(server.start()).rejects.toThrow('stopped');
    expect(server.addresses).toEqual([]);
  });

  test('a config with three mistakes throws all of them before anything runs', () => {
    const make = () => createServer({ rootDir: 5, tftp: { listen: [], rollover: 2 } } as never);
    expect(make).toThrow(/rootDir[\s\S]*listen[\s\S]*rollover/);
  });
});

describe('stop', () => {
  test('without transfers is at once, can be called twice, and frees the ports', async () => {
    const { server, address } = await lab();
    const begun = performance.now();
    await Promise.all([server.stop(), server.stop()]);
    expect(performance.now() - begun).toBeLessThan(1000);
    await using again = await Peer.open('127.0.0.1', address.port);
    expect(again.port).toBe(address.port);
    expect(await server.exchanges()).toEqual([]);
  });

  test('takes no more requests, and waits for the transfer under way', async () => {
    const { server, address, end, put: write } = await lab();
    write('ROOT/file', file);
    const transfer = await begin(address);
    const stopped = server.stop();
    transfer.peer.send(address, rrq('file'));
    await using other = await Peer.open();
    other.send(address, rrq('file'));
    expect(await finish(transfer)).toBe(201);
    const finished = performance.now();
    await stopped;
    // Not the whole of its patience, 10 s.
    expect(performance.now() - finished).toBeLessThan(3000);
    expect(await end(({ outcome }) => outcome !== 'refused')).toMatchObject({ outcome: 'completed', bytes: file.length });
    // Silence, or a word about it.
    const answer = await other.poll(50);
    if (answer) expect(parse(answer.bytes)).toMatchObject({ kind: 'error', code: 0, message: 'server is stopping' });
    await transfer.peer[Symbol.asyncDispose]();
  });

  test.each(['no', 'single-port'])('ends what is left with ERROR 0 after its patience (%s)', async (mode) => {
    const {
      server,
      address,
      end,
      put: write,
    } = await lab({ tftp: { singlePort: mode === 'single-port' }, limits: { stopMs: 150 } });
    write('ROOT/file', file);
    const { peer } = await begin(address);
    const begun = performance.now();
    const stopped = server.stop();
    for (let reply = await peer.reply(); ; reply = await peer.reply()) {
      if (reply.kind === 'data') continue;
      expect(reply).toMatchObject({ kind: 'error', code: 0, message: 'server is stopping' });
      break;
    }
    await stopped;
    expect(performance.now() - begun).toBeGreaterThan(140);
    expect(performance.now() - begun).toBeLessThan(2000);
    expect(await end()).toMatchObject({ outcome: 'failed', error: { message: 'server is stopping' } });
    await peer[Symbol.asyncDispose]();
  });

  test.each([
    ['at once', 0],
    ['soon', 50],
  ])('called again with less patience ends it sooner: %s', async (_when, graceMs) => {
    const { server, address, put: write } = await lab();
    write('ROOT/file', file);
    const { peer } = await begin(address);
    const begun = performance.now();
    // Without a turn of the event loop between them.
    void server.stop(20_000);
    await server.stop(graceMs);
    expect(performance.now() - begun).toBeLessThan(2000);
    await peer[Symbol.asyncDispose]();
  });

  test('called again with more patience changes nothing', async () => {
    const { server, address, put: write } = await lab();
    write('ROOT/file', file);
    const { peer } = await begin(address);
    const begun = performance.now();
    void server.stop(100);
    await server.stop(20_000);
    expect(performance.now() - begun).toBeLessThan(2000);
    await peer[Symbol.asyncDispose]();
  });

  test('an upload that is cut leaves nothing', async () => {
    const at = await lab({ uploads: { dir: '.' } });
    const before = at.tree();
    await using peer = await Peer.open();
    peer.send(at.address, wrq('up'));
    expect(await peer.reply()).toMatchObject({ kind: 'ack', block: 0 });
    expect(at.tree()).not.toEqual(before);
    await at.server.stop(0);
    expect(at.tree()).toEqual(before);
    expect(await peer.find(isError)).toMatchObject({ code: 0 });
  });

  const never = () => new Promise<never>(() => {});
  test.each<[what: string, hooks: Hooks]>([
    ['identify', { identify: never }],
    ['rewrite', { rewrite: never }],
    ['open', { open: never }],
    ['store', { store: never }],
    ['the first bytes of content', { open: () => ({ size: undefined, read: never, close() {} }) }],
    [
      'later bytes of content',
      {
        open: () => ({
          size: undefined,
          read: (offset, length) => (offset === 0 ? new Uint8Array(length) : never()),
          close() {},
        }),
      },
    ],
    ['closing content', { open: () => ({ size: undefined, read: (_offset, length) => new Uint8Array(length), close: never }) }],
    ['aborting a sink', { store: () => ({ write() {}, commit() {}, abort: never }) }],
    ['an observer', { start: never, end: never, open: () => new Uint8Array(9000) }],
  ])('does not wait for ever for a plugin that hangs: %s', async (_what, hooks) => {
    const disposed: string[] = [];
    const hanging = definePlugin({
      name: 'hanging',
      setup(_, { onDispose }) {
        onDispose(() => void disposed.push('disposed'));
        return hooks;
      },
    });
    const { server, address } = await lab({ tftp: { limits: { idleMs: 300 } }, limits: { hookMs: 300 }, plugins: [hanging()] });
    await using peer = await Peer.open();
    peer.send(address, hooks.store ? wrq('x') : rrq('x', 'octet', { blksize: 1000 }));
    await until(async () => (await server.exchanges()).length === 1, 'transfer');
    const first = await peer.poll(20);
    if (first && parse(first.bytes).kind === 'oack') peer.send(first.from, ack(0));
    await server.stop(0);
    expect(disposed).toEqual(['disposed']);
    expect(await server.exchanges()).toEqual([]);
  });
});

describe('what it tells', () => {
  test('a transfer as it starts and ends', async () => {
    const { address, put: write, started, ended, end } = await lab();
    write('ROOT/boot/file', file);
    const { from } = await get(address, '\\boot//file', { options: { tsize: 0, blksize: 1432, windowsize: 8, bogus: 1 } });
    expect(from.port).not.toBe(address.port);
    const request = {
      protocol: 'tftp',
      kind: 'read',
      client: { address: '127.0.0.1', port: expect.any(Number) },
      local: address,
      asked: '\\boot//file',
      name: 'boot/file',
      tftp: {
        mode: 'octet',
        options: new Map([
          ['tsize', '0'],
          ['blksize', '1432'],
          ['windowsize', '8'],
          ['bogus', '1'],
        ]),
      },
    };
    const info = { id: expect.any(Number), request, served: 'boot/file', size: file.length, generation: 1 };
    await end();
    expect(started).toEqual([info]);
    expect(ended).toEqual([
      {
        ...info,
        outcome: 'completed',
        bytes: file.length,
        durationMs: expect.any(Number),
        tftp: {
          agreed: new Map([
            ['tsize', String(file.length)],
            ['blksize', '1432'],
            ['windowsize', '8'],
          ]),
          blockSize: 1432,
          windowSize: 8,
          rttMs: expect.any(Number),
          retransmissions: 0,
          lastAckMissing: false,
        },
        error: undefined,
      },
    ]);
  });

  test('requests that are refused, probed or aborted end, too, and each but the refused one has started', async () => {
    const { address, put: write, started, ended } = await lab();
    write('ROOT/file', file);
    await get(address, 'absent');
    await using peer = await Peer.open();
    peer.send(address, rrq('file', 'octet', { tsize: 0 }));
    peer.send((await peer.reply()).from, error(8, 'User aborted the transfer'));
    await until(() => ended.length === 2, 'probe');
    const transfer = await begin(address);
    transfer.peer.send(transfer.from, error(0, 'closed'));
    await until(() => ended.length === 3, 'abort');
    expect(ended.map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ['refused', 1],
      ['probed', 8],
      ['aborted', 0],
    ]);
    expect(started).toHaveLength(2);
    await transfer.peer[Symbol.asyncDispose]();
  });

  test('listeners that throw or reject harm neither transfers nor each other', async () => {
    const { server, address, put: write, log } = await lab();
    write('ROOT/file', 'hello');
    const told: string[] = [];
    for (const event of ['start', 'end'] as const) {
      server.on(event, () => {
        throw new Error('thrown');
      });
      server.on(event, async () => {
        throw new Error('rejected');
      });
      server.on(event, () => void told.push(event));
    }
    expect((await get(address, 'file')).bytes.toString()).toBe('hello');
    await until(() => told.length === 2, 'both events');
    expect(told).toEqual(['start', 'end']);
    await until(() => log.filter(({ level }) => level === 'error').length === 4, 'four lines about it');
    expect(log.filter(({ level }) => level === 'error').map(({ event, err }) => `${event} ${(err as Error).message}`)).toEqual([
      'start thrown',
      'start rejected',
      'end thrown',
      'end rejected',
    ]);
  });

  test('off', async () => {
    const { server, address } = await lab();
    const told: string[] = [];
    const listener = () => void told.push('heard');
    server.on('end', listener);
    await get(address, 'absent');
    await until(() => told.length === 1, 'event');
    server.off('end', listener);
    const last = gate();
    server.on('end', () => last.open());
    await get(address, 'absent');
    await last.passed;
    expect(told).toHaveLength(1);
  });

  test('the live list says how far each has come', async () => {
    const { server, address, put: write } = await lab();
    write('ROOT/file', file);
    expect(await server.exchanges()).toEqual([]);
    const { peer, from } = await begin(address);
    peer.send(from, ack(1));
    await peer.find(isData(2));
    const [line, ...more] = await server.exchanges();
    expect(more).toEqual([]);
    expect(line).toMatchObject({ served: 'file', size: file.length, bytes: 1000, retransmissions: 0, rttMs: expect.any(Number) });
    peer.send(from, ack(2));
    await until(async () => (await server.exchanges())[0]?.bytes === 2000, 'progress');
    await using uploader = await Peer.open();
    uploader.send(address, wrq('up'));
    await until(async () => (await server.exchanges()).length === 1, 'the upload refused');
    peer.send(from, error(0, ''));
    await until(async () => (await server.exchanges()).length === 0, 'end');
    await peer[Symbol.asyncDispose]();
  });

  test('the live list counts what an upload has brought', async () => {
    const { server, address } = await lab({ uploads: { dir: '.' } });
    const half = gate();
    const done = put(address, 'up', file.subarray(0, 5000), {
      options: { tsize: 5000 },
      pace: (block) => (block === 4 ? half.passed : undefined),
    });
    const line = await until(async () => (await server.exchanges()).find(({ bytes }) => bytes === 1536), 'three blocks');
    expect(line).toMatchObject({ served: undefined, size: 5000, request: { kind: 'write', asked: 'up', size: 5000 } });
    half.open();
    expect((await done).error).toBeUndefined();
  });

  test('without a log it is silent, and works', async () => {
    const server = createServer({ rootDir: '.', tftp: { listen: any } }, { dir: folder().path });
    await server.start();
    expect((await get(server.addresses[0]!, 'x')).error?.code).toBe(1);
    await server.stop();
  });
});

describe('modes', () => {
  const local = 'line\nCR \r end\r\n\n\r';
  const wire = 'line\r\nCR \r\0 end\r\0\r\n\r\n\r\0';

  test('netascii translates line ends on the way out', async () => {
    const { address, put: write, end } = await lab();
    write('ROOT/text', local);
    const got = await get(address, 'text', { mode: 'NetASCII', options: { blksize: 9 } });
    expect(got.bytes.toString()).toBe(wire);
    expect(await end()).toMatchObject({ outcome: 'completed', request: { tftp: { mode: 'netascii' } }, bytes: wire.length });
  });

  test('netascii acknowledges the translated tsize, or none', async () => {
    const { address, put: write } = await lab();
    write('ROOT/text', local);
    write('ROOT/long', 'a\n'.repeat(100_000));
    const got = await get(address, 'text', { mode: 'netascii', options: { tsize: 0 } });
    expect([undefined, String(wire.length)]).toContain(got.agreed?.tsize);
    const long = await get(address, 'long', { mode: 'netascii', options: { tsize: 0, blksize: 8192 } });
    expect(long.bytes.toString()).toBe('a\r\n'.repeat(100_000));
    expect([undefined, '300000']).toContain(long.agreed?.tsize);
  });

  test('netascii is translated back on the way in', async () => {
    const at = await lab({ uploads: { dir: 'ROOT' } });
    for (const blksize of [8, 9, 512]) {
      const name = `text-${blksize}`;
      expect((await put(at.address, name, Buffer.from(wire), { mode: 'netascii', options: { blksize } })).error).toBeUndefined();
      expect((await get(at.address, name)).bytes.toString()).toBe(local);
    }
  });

  test.each([
    ['mail', { code: 4, message: 'mail mode is not supported' }],
    ['MAIL', { code: 4, message: 'mail mode is not supported' }],
    ['binary', { code: 4, message: 'unknown transfer mode' }],
    ['octet\x1b[2J', { code: 4, message: 'unknown transfer mode' }],
  ])('%s is refused', async (mode, expected) => {
    const at = await lab({ uploads: { dir: '.' } });
    at.put('ROOT/file', 'hello');
    const before = at.tree();
    expect((await get(at.address, 'file', { mode })).error).toMatchObject(expected);
    expect((await put(at.address, 'up', new Uint8Array(3), { mode })).error).toMatchObject(expected);
    expect(at.tree()).toEqual(before);
  });
});

test('an empty file: no tsize=0 for who asked with 0, and a client that leaves without an ACK has it', async () => {
  const { address, put: write, end } = await lab();
  write('ROOT/empty', '');
  const got = await get(address, 'empty', { options: { tsize: 0, blksize: 1024 } });
  expect(got.agreed).toEqual({ blksize: '1024' });
  expect(got.bytes).toHaveLength(0);
  expect(await end()).toMatchObject({ outcome: 'completed', size: 0 });
});

test('what is logged without a plugin is where it listens, and nothing about transfers', async () => {
  const log: LogLine[] = [];
  const at = folder();
  at.put('ROOT/file', 'hello');
  const server = createServer({ rootDir: 'ROOT', tftp: { listen: any }, stableMs: 0 }, { dir: at.path, log: keepingLog(log) });
  await server.start();
  await get(server.addresses[0]!, 'file');
  await get(server.addresses[0]!, 'absent');
  await server.stop();
  expect(log.map(({ msg }) => msg)).toEqual(['listening']);
});

test('why a request was refused stands in the summary, and not on the wire', async () => {
  const at = folder();
  at.put('ROOT/x', 'x');
  const denied = Object.assign(new Error("EACCES: permission denied, open '/srv/x'"), { code: 'EACCES', syscall: 'open' });
  const open = () => {
    throw denied;
  };
  const fileSystem = { ...nodeFileSystem, open: async () => open(), sync: { ...nodeFileSystem.sync!, open } };
  const { address, end } = await lab({}, at, { fileSystem });
  expect(await get(address, 'x')).toMatchObject({ error: { code: 2, message: 'access violation' } });
  expect(await end()).toMatchObject({
    outcome: 'refused',
    error: { code: 2, message: 'access violation', cause: "EACCES: permission denied, open '/srv/x'" },
  });
});

describe('stats', () => {
  test('count each request once, its outcome and its bytes', async () => {
    const { server, address, put: write, ended } = await lab({ uploads: { dir: 'UP' } });
    write('ROOT/file', file);
    write('UP/kept', '');
    expect(Object.values(server.stats().counters).every((count) => count === 0)).toBe(true);
    await get(address, 'file', { options: { blksize: 1468 } });
    await get(address, 'file', { options: { blksize: 1468 } });
    await get(address, 'missing').catch(() => {});
    await put(address, 'new', Buffer.from('hello'));
    const { peer, from } = await begin(address);
    peer.send(from, error(0, 'enough'));
    await until(() => ended.length === 5, 'every end');
    const { 'requests.repeated': _, ...counters } = server.stats().counters;
    const ofRequests = Object.entries(counters).filter(([name]) =>
      /^(requests|outcomes|bytes|drops|uploads|upload-bytes)\./.test(name),
    );
    expect(ofRequests.filter(([, count]) => count > 0)).toEqual([
      ['requests.read', 4],
      ['requests.write', 1],
      ['outcomes.completed', 3],
      ['outcomes.aborted', 1],
      ['outcomes.refused', 1],
      ['bytes.sent', 2 * file.length],
      ['bytes.received', 5],
      ['uploads.stored', 1],
      ['upload-bytes.stored', 5],
    ]);
  });

  test('survive a reload, and stay after the end', async () => {
    const { server, address, put: write } = await lab();
    write('ROOT/file', 'hello');
    await get(address, 'file');
    await server.reload(server.config);
    await get(address, 'file');
    await until(() => server.stats().counters['outcomes.completed'] === 2, 'both ends');
    await server.stop(0);
    expect(server.stats().counters).toMatchObject({ 'requests.read': 2, 'bytes.sent': 10 });
  });

  test('tell of dropped datagrams in one line, with a client as an example', async () => {
    const { server, address, log } = await lab();
    await using stranger = await Peer.open();
    for (let i = 0; i < 50; i++) stranger.send(address, Buffer.from('no TFTP'));
    await until(() => server.stats().counters['drops.malformed'] === 50, 'every one counted');
    await server.stop(0);
    const lines = log.filter(({ msg }) => msg === 'datagrams dropped');
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(lines[0]).toMatchObject({ drops: [{ reason: 'malformed', client: stranger.address, port: stranger.port }] });
    const counts = lines.flatMap(({ drops }) => (drops as readonly { readonly count: number }[]).map(({ count }) => count));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(50);
  });
});
