/** `pxe serve` as a user has it: flags, the config it finds, what it logs, and how it ends. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder, gate, until } from '../kit/lab.ts';
import { cli, pxe, start } from '../kit/pxe.ts';
import { seeded } from '../kit/random.ts';
import { freePort, type LogLine, type Served, serve } from '../kit/serve.ts';
import { ack, error, get, Peer, parse, put, rrq, wrq } from '../kit/tftp.ts';

const large = seeded(21).bytes(300_000);
const listen = "tftp: { listen: [{ address: '127.0.0.1', port: 0 }] }";
/** A client that says nothing is given up soon. */
const listenBriefly = "tftp: { listen: [{ address: '127.0.0.1', port: 0 }], limits: { idleMs: 300 } }";

/** A folder with a config in it. `text` goes between the braces of `defineConfig`. */
function configured(text: string, imports = '') {
  const at = folder();
  const file = at.put(
    'pxe.config.ts',
    `import { defineConfig, definePlugin } from 'pxe';\nimport { accessLog, hosts, identify } from 'pxe/plugins';\n${imports}
export default defineConfig({ rootDir: './ROOT', stableMs: 0, ${text} });\n`,
  );
  return { ...at, file };
}

const at = ({ listeners }: Served) => listeners[0]!;
const ends = ({ log }: Served) => log.filter((line) => 'outcome' in line);

describe('flags', () => {
  test('--root-dir alone: no config is needed, the port is as asked, and transfers are logged', async () => {
    const { root, put: write, path } = folder();
    write('ROOT/file', 'hello');
    const port = await freePort();
    await using server = await serve({
      flags: ['-r', 'ROOT', '-i', '127.0.0.1', '-p', String(port)],
      cwd: path,
    });
    expect(server.listeners).toEqual([{ level: 30, address: '127.0.0.1', port }].map(({ level: _, ...rest }) => rest));
    expect((await get(at(server), 'file')).bytes.toString()).toBe('hello');
    expect((await get(at(server), 'absent')).error?.code).toBe(1);
    await server.logged(({ outcome }) => outcome === 'refused');
    expect(server.log.find(({ msg }) => msg === 'starting')).toMatchObject({ rootDir: root, plugins: ['access-log'] });
    expect(ends(server)).toMatchObject([
      { msg: 'transfer completed', asked: 'file', level: 30 },
      { msg: 'request refused', asked: 'absent', level: 30, error: { code: 1, message: 'file not found' } },
    ]);
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(server.noise).toEqual([]);
  });

  test('override the config, key by key; --interface may be repeated, and takes names', async () => {
    const taken = await freePort();
    const config = configured(
      `tftp: { listen: [{ address: '192.0.2.99', port: ${taken} }] }, log: { level: 'warn' }, plugins: [accessLog()]`,
    );
    config.put('ROOT/file', 'of the config');
    config.put('deep/er/other/file', 'of the flag');
    mkdirSync(join(config.path, 'deep/er'), { recursive: true });
    const port = await freePort();
    // From a folder below, the config is found above; the flag's folder is relative to here, the config's to itself.
    await using server = await serve({
      flags: [
        '--root-dir',
        'other',
        '--interface',
        '127.0.0.2',
        '--interface',
        'lo',
        '--port',
        String(port),
        '--verbose',
        '--no-watch',
      ],
      cwd: join(config.path, 'deep/er'),
      listeners: 2,
    });
    const addresses = server.listeners.map(({ address }) => address);
    expect(addresses).toContain('127.0.0.2');
    expect(addresses).toContain('127.0.0.1');
    expect(new Set(server.listeners.map((one) => one.port))).toEqual(new Set([port]));
    for (const listener of server.listeners) expect((await get(listener, 'file')).bytes.toString()).toBe('of the flag');
    // --verbose: also what is dropped.
    await using peer = await Peer.open();
    peer.send({ address: '127.0.0.1', port }, Buffer.from('no TFTP'));
    expect(await server.logged(({ msg }) => msg === 'datagrams dropped')).toMatchObject({
      level: 20,
      drops: [{ reason: 'malformed', count: 1, client: '127.0.0.1', port: peer.port }],
    });
    expect(server.log.find(({ msg }) => msg === 'starting')).toMatchObject({ config: config.file });
  });

  test('--config: from anywhere, and relative paths start at the config', async () => {
    const config = configured(`${listen}, plugins: [accessLog()]`);
    config.put('ROOT/file', 'hello');
    await using server = await serve({ flags: ['--config', config.file], cwd: '/' });
    expect((await get(at(server), 'file')).bytes.toString()).toBe('hello');
    await until(() => ends(server).length === 1, 'line');
    // The config has accessLog, and the core writes no such line: one at the start, one at the end.
    expect(server.log.filter(({ asked }) => asked === 'file')).toHaveLength(2);
  });

  test('a config without accessLog logs no transfers', async () => {
    const config = configured(`${listen}, log: { level: 'info' }`);
    await using server = await serve({ flags: [], cwd: config.path });
    await get(at(server), 'absent');
    await server.stop();
    expect(server.log.map(({ msg }) => msg)).not.toContain('request refused');
  });

  test('no command is serve; in a pipe the log is JSON without being asked', async () => {
    const { path } = folder();
    await using running = start([process.execPath, cli, '--root-dir', 'ROOT', '--interface', '127.0.0.1', '--port', '0'], {
      cwd: path,
    });
    await running.until((out) => out.includes('"msg":"ready"'), 'ready');
    for (const line of running.stdout.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('time');
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 0, signal: null });
  });
});

/** Each row by itself, and all at once: a process takes its time to start. */
async function each<Rest extends readonly unknown[]>(
  rows: readonly (readonly [what: string, ...Rest])[],
  check: (what: string, ...rest: Rest) => Promise<void>,
): Promise<void> {
  const failed = (what: string) => (cause: unknown) => {
    throw new Error(`${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  };
  await Promise.all(rows.map((row) => check(...row).catch(failed(row[0]))));
}

describe('errors before it serves', () => {
  test('in the config: 2, with file and place', async () => {
    const rows: readonly (readonly [what: string, text: string, told: RegExp])[] = [
      [
        'an unknown key',
        `${listen}, rotDir: 'x'`,
        /pxe\.config\.ts: 1 problem\n {2}rotDir: unknown key\n {4}did you mean "rootDir"\?/,
      ],
      [
        'several problems',
        `tftp: { listen: [{ address: 'localhost', port: 70_000 }], rollover: 2 }, plugins: [hosts({ nonsense: {} })]`,
        /4 problems\n[\s\S]*listen\[0\]\.address[\s\S]*listen\[0\]\.port[\s\S]*rollover[\s\S]*plugins\[0\]/,
      ],
      ['a syntax error', 'tftp: { listen: [{ address: }] }', /pxe\.config\.ts:4(:\d+)?: .*\n[\s\S]*4 \| export default/],
      ['an error at run time', 'tftp: { listen: undefinedThing }', /pxe\.config\.ts:4:\d+: .*undefinedThing/],
    ];
    const files = new Map(rows.map(([what, text]) => [what, configured(text).file]));
    await each(rows, async (what, _text, told) => {
      const file = files.get(what)!;
      const { code, stdout, stderr } = await pxe(['serve', '--config', file]);
      expect(stderr).toMatch(told);
      expect(stderr).toContain(file);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(stdout).toBe('');
      expect(code).toBe(2);
    });
  });

  test('a config that is not there: 2', async () => {
    const { code, stderr } = await pxe(['serve', '--config', '/nowhere/pxe.config.ts']);
    expect(stderr).toMatch(/\/nowhere\/pxe\.config\.ts: no such file/);
    expect(code).toBe(2);
  });

  test('in what it is to listen on: 3, and in a plugin: 1; nothing is left running', async () => {
    const port = await freePort();
    await using _holder = await Peer.open('127.0.0.1', port);
    const { path } = folder();
    const failing = configured(
      `${listen}, plugins: [bad(), accessLog()]`,
      "const bad = definePlugin({ name: 'bad', setup() { throw new Error('no licence'); } });",
    );
    const flags = ['--root-dir', path, '--json'];
    const rows: readonly (readonly [what: string, args: readonly string[], code: number, told: RegExp])[] = [
      [
        'a port that is taken',
        [...flags, '-i', '127.0.0.1', '-p', String(port)],
        3,
        new RegExp(`127.0.0.1 port ${port} is in use.*\\n?.*ss -ulpn`),
      ],
      ['one of two that is taken', [...flags, '-i', '::1', '-i', '127.0.0.1', '-p', String(port)], 3, /is in use/],
      [
        'an interface that there is not',
        [...flags, '-i', 'lab7', '-p', '0'],
        3,
        /interface "lab7" has no address; interfaces that have one: .*lo/,
      ],
      [
        'an address of another machine',
        [...flags, '-i', '192.0.2.99', '-p', '0'],
        3,
        /192\.0\.2\.99 is not an address of this machine/,
      ],
      ['a plugin whose setup fails', ['--config', failing.file, '--json'], 1, /plugin "bad", setup: no licence/],
    ];
    await each(rows, async (_what, args, expected, told) => {
      const { code, signal, stderr } = await pxe(args);
      expect(stderr).toMatch(told);
      expect(stderr).toMatch(/^pxe: /);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect({ code, signal }).toEqual({ code: expected, signal: null });
    });
  });
});

/** How it ended by itself: one more signal would be a third one. */
async function exitOf(server: Served) {
  const alive = () => {
    try {
      return process.kill(server.pid, 0);
    } catch {
      return false;
    }
  };
  await until(() => !alive(), 'end of the process');
  return server.stop();
}

describe('ends', () => {
  /** A server with a transfer in its middle; `release` lets it go on. */
  async function draining(extra = '') {
    const config = configured(`${listen}, plugins: [accessLog()]${extra}`);
    config.put('ROOT/large', large);
    const server = await serve({ flags: [], cwd: config.path });
    const middle = gate();
    const released = gate();
    const done = get(at(server), 'large', {
      options: { blksize: 1428, windowsize: 4 },
      pace: async (bytes) => {
        if (bytes < 100_000) return;
        middle.open();
        await released.passed;
      },
    });
    done.catch(() => {});
    await middle.passed;
    return { server, done, release: released.open };
  }

  test.each(['SIGTERM', 'SIGINT'] as const)('%s lets a transfer end, takes no other, and then exits with 0', async (signal) => {
    const { server, done, release } = await draining();
    process.kill(server.pid, signal);
    expect(await server.logged(({ msg }) => msg === 'stopping')).toMatchObject({ signal, transfers: 1 });
    await using late = await Peer.open();
    late.send(at(server), rrq('large'));
    const answer = await late.poll(100);
    if (answer) expect(parse(answer.bytes)).toMatchObject({ kind: 'error', code: 0, message: 'server is stopping' });
    release();
    expect((await done).bytes.equals(large)).toBe(true);
    await server.logged(({ msg }) => msg === 'stopped');
    const begun = performance.now();
    expect(await exitOf(server)).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(3000);
    expect(ends(server).filter(({ outcome }) => outcome !== 'refused')).toMatchObject([
      { outcome: 'completed', bytes: large.length },
    ]);
    expect(server.noise).toEqual([]);
  });

  test.each([
    ['SIGTERM', 'SIGTERM'],
    ['SIGINT', 'SIGINT'],
    ['SIGTERM', 'SIGINT'],
  ] as const)('%s and then %s cuts it with ERROR 0', async (first, second) => {
    const { server, done, release } = await draining();
    process.kill(server.pid, first);
    await server.logged(({ msg }) => msg === 'stopping');
    process.kill(server.pid, second);
    await server.logged(({ msg }) => msg === 'stopping at once');
    release();
    expect((await done).error).toMatchObject({ code: 0, message: 'server is stopping' });
    expect(await exitOf(server)).toEqual({ code: 0, signal: null });
    expect(ends(server)).toMatchObject([{ outcome: 'failed', error: { code: 0, message: 'server is stopping' } }]);
  });

  test('limits.stopMs is how long it waits', async () => {
    const { server, done, release } = await draining(', limits: { stopMs: 200 }');
    process.kill(server.pid, 'SIGTERM');
    await server.logged(({ outcome }) => outcome === 'failed');
    release();
    expect((await done).error).toMatchObject({ code: 0, message: 'server is stopping' });
    expect(await exitOf(server)).toEqual({ code: 0, signal: null });
  });

  test('also when a plugin hangs, or has left a timer running', async () => {
    const config = configured(
      `${listenBriefly}, limits: { hookMs: 300 }, plugins: [lazy()]`,
      `const never = () => new Promise(() => {});
const lazy = definePlugin({ name: 'lazy', setup: () => { setInterval(() => {}, 1000); return { open: never, end: never }; } });`,
    );
    await using server = await serve({ flags: [], cwd: config.path });
    await using peer = await Peer.open();
    peer.send(at(server), rrq('x'));
    process.kill(server.pid, 'SIGTERM');
    await server.logged(({ msg }) => msg === 'stopped');
    expect(await exitOf(server)).toEqual({ code: 0, signal: null });
  });

  test('a log that nobody reads any more ends nothing', async () => {
    const { path, put: write } = folder();
    write('ROOT/file', 'hello');
    const port = await freePort();
    await using running = start(
      [process.execPath, cli, '--root-dir', 'ROOT', '--interface', '127.0.0.1', '--port', String(port)],
      { cwd: path },
    );
    await running.until((out) => out.includes('"msg":"ready"'), 'ready');
    running.hangUp();
    for (let i = 0; i < 5; i++) expect((await get({ address: '127.0.0.1', port }, 'file')).bytes.toString()).toBe('hello');
    running.kill('SIGTERM');
    expect(await running.ended).toEqual({ code: 0, signal: null });
    expect(running.stderr).toBe('');
  });
});

describe('the log', () => {
  test('has every field: who, what, how much, how fast, how it ended', async () => {
    const config = configured(
      `${listenBriefly}, uploads: { dir: 'up', maxBytes: 1000 }, plugins: [
        identify({ table: { '127.0.0.2': '52-54-00-12-34-56' }, filename: true }),
        hosts({ '52:54:00:12:34:56': { files: { 'boot.efi': 'uefi/snponly.efi' } } }), made(), accessLog()]`,
      "const made = definePlugin({ name: 'made', setup: () => ({ open: ({ name }) => name === 'made' ? Buffer.from('text') : undefined }) });",
    );
    config.put('ROOT/uefi/snponly.efi', large);
    config.put('ROOT/plain', 'one\ntwo\n');
    config.put('ROOT/pxelinux.cfg/01-52-54-00-aa-bb-cc', 'x');
    config.put('up/old', 'old');
    await using server = await serve({ flags: [], cwd: config.path });
    const address = at(server);
    const lines = async (asked: string, count = 2): Promise<readonly LogLine[]> => {
      const found = () => server.log.filter((line) => line.asked === asked);
      return until(() => found().length === count && found(), `${count} lines about ${asked}`);
    };

    await get(address, 'boot.efi', { local: '127.0.0.2', options: { tsize: 0, blksize: 1428, windowsize: 4, timeout: 2 } });
    const [began, ended] = await lines('boot.efi');
    const both = {
      level: 30,
      time: expect.any(Number),
      transfer: 1,
      client: '127.0.0.2',
      port: expect.any(Number),
      host: '52:54:00:12:34:56',
      mac: '52:54:00:12:34:56',
      macSource: 'table',
      kind: 'read',
      mode: 'octet',
      asked: 'boot.efi',
      served: 'uefi/snponly.efi',
      size: large.length,
      generation: 1,
      plugin: 'access-log',
    };
    expect(began).toEqual({ ...both, msg: 'transfer started' });
    expect(ended).toEqual({
      ...both,
      msg: 'transfer completed',
      outcome: 'completed',
      bytes: large.length,
      options: { tsize: String(large.length), blksize: '1428', windowsize: '4', timeout: '2' },
      ms: expect.any(Number),
      mbPerS: expect.any(Number),
      rttMs: expect.any(Number),
      retransmissions: expect.any(Number),
    });
    const { ms, mbPerS } = ended as unknown as { ms: number; mbPerS: number };
    expect(mbPerS).toBeCloseTo(large.length / 1000 / ms, 1);

    await get(address, '\\plain', { mode: 'netascii' });
    expect((await lines('\\plain'))[1]).toMatchObject({
      client: '127.0.0.1',
      mode: 'netascii',
      served: 'plain',
      size: 8,
      bytes: 10,
      options: {},
      outcome: 'completed',
    });
    expect((await lines('\\plain'))[1]).not.toHaveProperty('mac');

    await get(address, 'pxelinux.cfg/01-52-54-00-aa-bb-cc');
    expect((await lines('pxelinux.cfg/01-52-54-00-aa-bb-cc'))[1]).toMatchObject({
      mac: '52:54:00:aa:bb:cc',
      macSource: 'filename',
    });

    await get(address, 'made');
    expect((await lines('made'))[1]).toMatchObject({ served: 'plugin:made', size: 4 });

    await get(address, 'absent');
    const [absent] = await lines('absent', 1);
    expect(absent).toMatchObject({
      level: 30,
      msg: 'request refused',
      outcome: 'refused',
      error: { code: 1, message: 'file not found' },
    });
    expect(absent).not.toHaveProperty('served');
    await get(address, '../secret');
    expect(await lines('../secret', 1)).toMatchObject([
      { level: 40, outcome: 'refused', error: { code: 2, message: 'access violation', cause: '".." in the name' } },
    ]);

    await using prober = await Peer.open();
    prober.send(address, rrq('uefi/snponly.efi', 'octet', { tsize: 0, blksize: 1468 }));
    prober.send((await prober.reply()).from, error(8, 'User aborted the transfer'));
    expect((await lines('uefi/snponly.efi'))[1]).toMatchObject({
      level: 30,
      msg: 'size probed',
      outcome: 'probed',
      bytes: 0,
      error: { code: 8, message: 'User aborted the transfer' },
    });

    await put(address, 'new', new Uint8Array(700), { options: { tsize: 700 } });
    expect((await lines('new'))[1]).toMatchObject({
      kind: 'write',
      size: 700,
      bytes: 700,
      outcome: 'completed',
      options: { tsize: '700' },
    });
    await put(address, 'huge', new Uint8Array(1600));
    expect((await lines('huge'))[1]).toMatchObject({ level: 40, kind: 'write', outcome: 'failed', error: { code: 3 } });
    await put(address, 'old', new Uint8Array(5));
    expect(await lines('old', 1)).toMatchObject([{ level: 40, kind: 'write', outcome: 'refused', error: { code: 6 } }]);
    await using quitter = await Peer.open();
    quitter.send(address, wrq('aborted'));
    quitter.send((await quitter.reply()).from, error(0, 'changed my mind'));
    expect((await lines('aborted'))[1]).toMatchObject({
      level: 30,
      outcome: 'aborted',
      error: { code: 0, message: 'changed my mind' },
    });

    await using silent = await Peer.open();
    silent.send(address, rrq('uefi/../uefi/snponly.efi'));
    silent.send(address, rrq('/uefi/snponly.efi', 'octet', { blksize: 512 }));
    for (let reply = await silent.reply(); ; reply = await silent.reply()) {
      if (reply.kind !== 'oack') continue;
      silent.send(reply.from, ack(0));
      break;
    }
    expect((await lines('/uefi/snponly.efi'))[1]).toMatchObject({
      level: 40,
      msg: 'transfer failed',
      outcome: 'failed',
      error: { message: 'no answer from the client' },
    });
    // Aborted, too large, refused: nothing of them is left.
    expect(config.tree('up')).toEqual(['new', 'old']);
    expect(readFileSync(join(config.path, 'up/old'), 'utf8')).toBe('old');
    expect(server.noise).toEqual([]);
  });

  test('two addresses with a MAC address each by the table get different files for one name', async () => {
    const config = configured(
      `${listen}, plugins: [
        identify({ table: { '127.0.0.2': '52:54:00:00:00:02', '127.0.0.3': '52:54:00:00:00:03' } }),
        hosts({
          '52:54:00:00:00:02': { files: { 'loader.efi': 'two.efi' } },
          '52:54:00:00:00:03': { folder: 'hosts/three' },
        }),
        accessLog()]`,
    );
    config.put('ROOT/loader.efi', 'for all');
    config.put('ROOT/two.efi', 'for number two');
    config.put('ROOT/hosts/three/loader.efi', 'for number three');
    await using server = await serve({ flags: [], cwd: config.path });
    const answers = new Map<string, string>();
    for (const local of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      answers.set(local, (await get(at(server), 'loader.efi', { local })).bytes.toString());
    }
    expect(Object.fromEntries(answers)).toEqual({
      '127.0.0.1': 'for all',
      '127.0.0.2': 'for number two',
      '127.0.0.3': 'for number three',
    });
    await until(() => ends(server).length === 3, 'three lines');
    expect(ends(server).map(({ client, mac, macSource, asked, served }) => [client, mac, macSource, asked, served])).toEqual([
      ['127.0.0.1', undefined, undefined, 'loader.efi', 'loader.efi'],
      ['127.0.0.2', '52:54:00:00:00:02', 'table', 'loader.efi', 'two.efi'],
      ['127.0.0.3', '52:54:00:00:00:03', 'table', 'loader.efi', 'hosts/three/loader.efi'],
    ]);
  });

  test('what a plugin throws, now or later, is a line, and the server goes on', async () => {
    const config = configured(
      `${listen}, plugins: [bad(), accessLog()]`,
      `const bad = definePlugin({ name: 'bad', setup: () => ({ open({ name }) {
  if (name === 'now') throw new Error('thrown now');
  if (name === 'later') { setTimeout(() => { throw new Error('thrown later'); }, 1); Promise.reject(new Error('rejected later')); }
} }) });`,
    );
    config.put('ROOT/later', 'hello');
    await using server = await serve({ flags: [], cwd: config.path });
    expect((await get(at(server), 'now')).error).toMatchObject({ code: 0, message: 'internal error' });
    expect(await server.logged(({ msg }) => msg === 'plugin failed')).toMatchObject({
      level: 50,
      plugin: 'bad',
      hook: 'open',
      transfer: 1,
      err: { type: 'PluginError', message: expect.stringContaining('plugin "bad", open: thrown now') },
    });
    expect((await get(at(server), 'later')).bytes.toString()).toBe('hello');
    for (const message of ['thrown later', 'rejected later']) {
      await server.logged(({ level, err }) => level === 50 && (err as { message?: string } | undefined)?.message === message);
    }
    expect((await get(at(server), 'later')).bytes.toString()).toBe('hello');
    expect(await server.stop()).toEqual({ code: 0, signal: null });
  });
});
