/** FIELD.md §4.10: what a plugin does wrong costs its own transfer only, the log names it, and no path reaches the wire. */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Content, definePlugin, type Hooks, TftpError } from '../../src/index.ts';
import { folder, gate, lab, until } from '../kit/lab.ts';
import { seeded } from '../kit/random.ts';
import { ack, error, get, Peer, put, rrq, wrq } from '../kit/tftp.ts';

const HOOK_MS = 80;
const IDLE_MS = 1000;
const never = () => new Promise<never>(() => {});
const internal = { code: 0, message: 'internal error' };
const violation = { code: 2, message: 'access violation' };
const absent = { code: 1, message: 'file not found' };

/** A plugin with these hooks, for requests whose name begins with `bad`. */
function plugin(name: string, hooks: { readonly [hook in keyof Hooks]?: (...args: never[]) => unknown }) {
  const meant = Object.entries(hooks).map(([hook, act]) => {
    const guarded = (subject: { readonly name?: string; readonly request?: { readonly name: string } }, ...rest: unknown[]) =>
      (subject.name ?? subject.request?.name)?.startsWith('bad')
        ? (act as unknown as (...args: unknown[]) => unknown)(subject, ...rest)
        : undefined;
    return [hook, guarded];
  });
  return definePlugin({ name, setup: () => Object.fromEntries(meant) as Hooks })();
}

const SEGMENT = 65536;

/** Well-behaved, but for what is given. */
function content(overrides: Partial<Record<keyof Content, unknown>>): Content {
  return {
    size: 3 * SEGMENT,
    read: (offset: number, length: number) => new Uint8Array(Math.max(0, Math.min(length, 3 * SEGMENT - offset))),
    close() {},
    ...overrides,
  } as Content;
}

const failing = (message = 'secret: /etc/shadow') => {
  throw new Error(message);
};

type Row = readonly [what: string, hook: keyof Hooks, act: (...args: never[]) => unknown, expected: typeof internal];

const rows: readonly Row[] = [
  ...(['identify', 'rewrite', 'open'] as const).flatMap((hook): Row[] => [
    ['throws', hook, () => failing(), internal],
    ['rejects', hook, async () => failing(), internal],
    ['throws no Error', hook, () => Promise.reject('/etc/shadow'), internal],
    ['never answers', hook, never, internal],
    ['returns a number', hook, () => 5, internal],
  ]),
  ['returns null', 'identify', () => null, internal],
  ['returns an invalid MAC address', 'identify', () => ({ mac: '/etc/passwd', source: 'x' }), internal],
  ['returns a name', 'rewrite', () => 'good', internal],
  ['returns a request without a name', 'rewrite', (request: object) => ({ ...request, name: undefined }), internal],
  ['returns a name that leaves the root', 'rewrite', (request: object) => ({ ...request, name: '../../etc/passwd' }), violation],
  ['returns an absolute name', 'rewrite', (request: object) => ({ ...request, name: '/etc/passwd' }), absent],
  ['returns a name with a NUL', 'rewrite', (request: object) => ({ ...request, name: 'go\0od' }), absent],
  ['returns a name that leaves the root', 'open', () => '../../etc/passwd', violation],
  ['returns a name that leaves the root by \\', 'open', () => '..\\..\\etc\\passwd', violation],
  ['returns an absolute name', 'open', () => '/etc/passwd', absent],
  ['returns a link that leaves the root', 'open', () => 'link', violation],
  [
    'opens what leaves the root',
    'open',
    (_: unknown, call: { root: { open(name: string): unknown } }) => call.root.open('../x'),
    violation,
  ],
  ['returns null', 'open', () => null, internal],
  ['returns an object', 'open', () => ({}), internal],
  ['returns content without close', 'open', () => ({ size: 1, read() {} }), internal],
  ['returns content of size NaN', 'open', () => content({ size: Number.NaN }), internal],
  ['returns content of size -1', 'open', () => content({ size: -1 }), internal],
  ['returns content of size "5"', 'open', () => content({ size: '5' }), internal],
  ['returns content whose read throws', 'open', () => content({ read: () => failing() }), internal],
  ['returns content whose read rejects', 'open', () => content({ read: async () => failing() }), internal],
  ['returns content whose read never ends', 'open', () => content({ read: never }), internal],
  ['returns content whose read returns text', 'open', () => content({ read: () => 'text' }), internal],
  ['returns content whose read returns nothing', 'open', () => content({ read: () => undefined }), internal],
  ['returns content whose read returns too much', 'open', () => content({ read: () => new Uint8Array(SEGMENT + 1) }), internal],
  [
    'returns content that is shorter than it says',
    'open',
    () => content({ read: () => new Uint8Array(9) }),
    { code: 0, message: 'content ended early' },
  ],
];

/** Failures of content once bytes have flowed. */
const later: readonly Row[] = [
  ['throws', 'open', () => failing(), internal],
  ['rejects', 'open', async () => failing(), internal],
  ['never ends', 'open', never, internal],
  ['returns text', 'open', () => 'text', internal],
  ['returns too much', 'open', () => new Uint8Array(SEGMENT + 1), internal],
  ['ends early', 'open', () => new Uint8Array(1), { code: 0, message: 'content ended early' }],
];

const good = seeded(1).bytes(150_000);

/** A server, and a transfer of `good` that creeps on in its middle until `release`. */
async function busyLab(hooks: Parameters<typeof plugin>[1]) {
  const files = folder();
  files.put('ROOT/good', good);
  files.put('secret', 'outside');
  symlinkSync('../secret', join(files.root, 'link'));
  const server = await lab(
    {
      tftp: { limits: { idleMs: IDLE_MS } },
      limits: { hookMs: HOOK_MS },
      plugins: [plugin('evil', hooks)],
      uploads: { dir: '.' },
    },
    files,
  );
  const middle = gate();
  const released = gate();
  const other = get(server.address, 'good', {
    options: { blksize: 1428, windowsize: 4 },
    pace: async (bytes) => {
      if (bytes < 40_000) return;
      middle.open();
      await Promise.race([released.passed, new Promise((resolve) => setTimeout(resolve, 80))]);
    },
  });
  await middle.passed;
  const release = async () => {
    released.open();
    const { bytes, error } = await other;
    expect(error).toBeUndefined();
    expect(bytes.equals(good), 'the other transfer').toBe(true);
  };
  return { ...server, release };
}

async function expectHarmless(hooks: Parameters<typeof plugin>[1], hook: keyof Hooks, expected: typeof internal, options = {}) {
  const { address, server, log, end, path, release } = await busyLab(hooks);
  const got = await get(address, 'bad', { options, retryMs: 3000 });
  await release();
  expect(got.error).toMatchObject(expected);
  expect(got.error?.message).not.toContain('/');
  expect(got.bytes.includes('root:')).toBe(false);
  const summary = await end(({ request }) => request.name.startsWith('bad') || request.asked === 'bad');
  expect(['refused', 'failed']).toContain(summary.outcome);
  await until(async () => (await server.exchanges()).length === 0, 'end of all transfers');
  expect(JSON.stringify(got.error)).not.toContain(path);
  // What a plugin throws as a TftpError, or a name that leads nowhere, is an answer; everything else is told, and told once.
  if (expected !== internal) return;
  const named = log.filter(({ plugin, msg }) => plugin === 'evil' && msg === 'plugin failed');
  expect(named).toMatchObject([{ hook, err: { name: 'PluginError', plugin: 'evil', hook } }]);
}

describe('one hook goes wrong, another transfer goes on', () => {
  test.each(rows)('%s (%s)', async (_what, hook, act, expected) => {
    await expectHarmless({ [hook]: act }, hook, expected);
  });

  test.each(later)('content, in mid-transfer, %s', async (_what, hook, act, expected) => {
    const whole = content({});
    const read = (offset: number, length: number) =>
      offset < SEGMENT ? whole.read(offset, length) : (act as () => Uint8Array)();
    let closed = 0;
    const close = () => void closed++;
    await expectHarmless({ open: () => ({ ...whole, read, close }) }, hook, expected, { blksize: 1428 });
    expect(closed).toBe(1);
  });

  test('a name that leaves the root is logged with plugin and hook', async () => {
    for (const hook of ['rewrite', 'open'] as const) {
      const act = hook === 'open' ? () => '../../etc/passwd' : (r: object) => ({ ...r, name: '../../etc/passwd' });
      const { address, log, release } = await busyLab({ [hook]: act });
      expect((await get(address, 'bad')).error).toMatchObject(violation);
      await release();
      expect(log.filter(({ plugin }) => plugin === 'evil')).toMatchObject([
        { hook, level: 'warn', err: { name: 'PluginError' } },
      ]);
    }
  });

  test('content whose close throws, or never ends', async () => {
    for (const close of [() => failing(), async () => failing(), never]) {
      const { address, log, end, release } = await busyLab({ open: () => content({ close }) });
      const { bytes, error } = await get(address, 'bad', { options: { blksize: 8192 } });
      expect(error).toBeUndefined();
      expect(bytes).toHaveLength(3 * SEGMENT);
      await release();
      expect(await end(({ request }) => request.name === 'bad')).toMatchObject({ outcome: 'completed' });
      expect(log.filter(({ plugin }) => plugin === 'evil')).toMatchObject([{ hook: 'open', msg: 'plugin failed' }]);
    }
  });

  test('a sink that goes wrong', async () => {
    const calls: string[] = [];
    const sink = (overrides: object) => ({
      write: () => void calls.push('write'),
      commit: () => void calls.push('commit'),
      abort: () => void calls.push('abort'),
      ...overrides,
    });
    const sinks: readonly [unknown, typeof internal][] = [
      [5, internal],
      [{ write() {} }, internal],
      [sink({ write: () => failing() }), internal],
      [sink({ write: never }), internal],
      [sink({ commit: async () => failing() }), internal],
      [
        sink({
          commit: () => {
            throw new TftpError(3, 'full');
          },
        }),
        { code: 3, message: 'full' },
      ],
      [sink({ write: () => failing(), abort: () => failing() }), internal],
    ];
    for (const [store, expected] of sinks) {
      const { address, log, release, tree } = await busyLab({ store: () => store });
      const before = tree();
      expect((await put(address, 'bad', good.subarray(0, 2000), { retryMs: 3000 })).error).toMatchObject(expected);
      await release();
      expect(tree()).toEqual(before);
      const named = log.filter(({ plugin }) => plugin === 'evil');
      if (expected === internal) expect(named[0]).toMatchObject({ hook: 'store', msg: 'plugin failed' });
    }
  });
});

test('a TftpError is the answer on the wire, and a line where no plugin writes one; never a failure', async () => {
  const refusal = () => {
    throw new TftpError(7, 'not today');
  };
  for (const hook of ['identify', 'rewrite', 'open', 'store'] as const) {
    for (const act of [refusal, async () => refusal()]) {
      const { address, log } = await lab({ plugins: [plugin('strict', { [hook]: act })] });
      const asked = hook === 'store' ? put(address, 'bad', new Uint8Array(1)) : get(address, 'bad');
      expect((await asked).error).toMatchObject({ code: 7, message: 'not today' });
      const line = { level: 'warn', msg: 'request refused', asked: 'bad', error: { code: 7, message: 'not today' } };
      // A native server's control plane hears of the end after the client.
      const rest = () => log.filter(({ level }) => level !== 'info');
      await until(() => rest().length > 0, 'line');
      expect(rest()).toMatchObject([line]);
    }
  }
});

test('a TftpError of content in mid-transfer is the answer on the wire', async () => {
  const whole = content({});
  const read = (offset: number, length: number) => {
    if (offset >= SEGMENT) throw new TftpError(0, 'upstream went away');
    return whole.read(offset, length);
  };
  const { address, end } = await lab({ plugins: [plugin('remote', { open: () => ({ ...whole, read }) })] });
  const got = await get(address, 'bad', { options: { blksize: 1024 } });
  expect(got.error).toMatchObject({ code: 0, message: 'upstream went away' });
  expect(got.bytes.length).toBeLessThanOrEqual(SEGMENT);
  expect(await end()).toMatchObject({ outcome: 'failed', served: 'plugin:remote' });
});

describe('an endless stream', () => {
  const endless = () => {
    const seen = { reads: 0, furthest: 0, closed: 0, readsAfterClose: 0 };
    const stream: Content = {
      size: undefined,
      read(offset, length) {
        if (seen.closed > 0) seen.readsAfterClose++;
        seen.reads++;
        seen.furthest = Math.max(seen.furthest, offset + length);
        return new Uint8Array(length).fill(7);
      },
      close: () => void seen.closed++,
    };
    return { seen, stream };
  };

  test('is read no further than the client has come, until the client has had enough', async () => {
    const { seen, stream } = endless();
    const { address, end, server } = await lab({ plugins: [plugin('stream', { open: () => stream })] });
    await using peer = await Peer.open();
    peer.send(address, rrq('bad', 'octet', { tsize: 0, blksize: 16384, windowsize: 16 }));
    const first = await peer.reply();
    expect(first).toMatchObject({ kind: 'oack', options: { blksize: '16384', windowsize: '16' } });
    expect(first).not.toHaveProperty('options.tsize');
    let block = 0;
    peer.send(first.from, ack(0));
    while (block < 512) {
      const reply = await peer.reply();
      if (reply.kind !== 'data') continue;
      if (reply.block !== block + 1) {
        // A gap is reported (RFC 7440 §4): the first bursts end in one.
        if (reply.block > block) peer.send(first.from, ack(block));
        continue;
      }
      block++;
      expect(seen.furthest - block * 16384).toBeLessThanOrEqual(16 * 16384 + 4 * SEGMENT);
      if (block % 16 === 0) peer.send(first.from, ack(block));
    }
    peer.send(first.from, error(3, 'enough'));
    expect(await end()).toMatchObject({ outcome: 'aborted', error: { code: 3, message: 'enough' }, size: undefined });
    expect(seen).toMatchObject({ closed: 1, readsAfterClose: 0 });
    expect(await server.exchanges()).toEqual([]);
  });

  test('is not read for a client that has fallen silent, and ends with it', async () => {
    const { seen, stream } = endless();
    const { address, end } = await lab({
      tftp: { limits: { idleMs: 300 } },
      plugins: [plugin('stream', { open: () => stream })],
    });
    await using peer = await Peer.open();
    peer.send(address, rrq('bad', 'octet', { blksize: 1024 }));
    peer.send((await peer.reply()).from, ack(0));
    expect(await end()).toMatchObject({ outcome: 'failed', error: { message: 'no answer from the client' } });
    expect(seen.furthest).toBeLessThanOrEqual(5 * SEGMENT);
    expect(seen.closed).toBe(1);
  });

  test('under netascii, too', async () => {
    const { seen, stream } = endless();
    const { address, end } = await lab({ plugins: [plugin('stream', { open: () => stream })] });
    await expect(
      get(address, 'bad', {
        mode: 'netascii',
        options: { blksize: 8192 },
        pace: (bytes) => {
          if (bytes > 2 ** 20) throw new Error('enough');
        },
      }),
    ).rejects.toThrow('enough');
    expect(seen.furthest).toBeLessThan(2 ** 20 + 10 * SEGMENT);
    await using peer = await Peer.open();
    peer.send(address, rrq('bad'));
    const { from } = await peer.reply();
    peer.send(from, error(0, 'bye'));
    await end();
  });
});

test('a plugin that changes its mind is asked once for a request that comes four times', async () => {
  let asked = 0;
  const slow = gate();
  const fickle = plugin('fickle', {
    open: async () => {
      const answer = `answer ${++asked}`;
      await slow.passed;
      return Buffer.from(answer);
    },
  });
  const { address, ended, server } = await lab({ plugins: [fickle] });
  // What the listening socket has received is not in step with what the transfer's socket has.
  const repeated = (times: number) =>
    until(() => server.stats().counters['requests.repeated'] === times, `${times} repeated requests`);
  await using peer = await Peer.open();
  peer.send(address, rrq('bad'));
  peer.send(address, rrq('bad'));
  await until(() => asked > 0, 'call of the plugin');
  peer.send(address, rrq('bad'));
  await repeated(2);
  slow.open();
  const first = await peer.reply();
  expect(first).toMatchObject({ kind: 'data', block: 1, payload: Buffer.from('answer 1') });
  peer.send(address, rrq('bad'));
  await repeated(3);
  const again = await peer.reply();
  expect(again).toMatchObject({ payload: Buffer.from('answer 1'), from: first.from });
  peer.send(first.from, ack(1));
  await until(() => ended.length > 0, 'end of the transfer');
  expect(asked).toBe(1);
  // What is asked for after that is another transfer.
  peer.send(address, rrq('bad'));
  await until(() => asked === 2, 'second call');
  for (let reply = await peer.reply(); ; reply = await peer.reply()) {
    if (reply.kind !== 'data' || reply.payload.toString() !== 'answer 2') continue;
    peer.send(reply.from, ack(1));
    break;
  }
  await until(() => ended.length === 2, 'end of the second transfer');
});

test('an observer that throws, rejects or never ends harms nobody', async () => {
  for (const act of [() => failing(), async () => failing(), never]) {
    const told: string[] = [];
    const { address, log, end } = await lab({
      limits: { hookMs: HOOK_MS },
      plugins: [
        plugin('evil', { start: act, end: act }),
        plugin('watcher', { start: () => void told.push('start'), end: () => void told.push('end') }),
        plugin('maker', { open: () => Buffer.from('made') }),
      ],
    });
    expect((await get(address, 'bad')).bytes.toString()).toBe('made');
    expect(await end()).toMatchObject({ outcome: 'completed' });
    expect(told).toEqual(['start', 'end']);
    const lines = await until(() => {
      const found = log.filter(({ msg }) => msg === 'plugin failed');
      return found.length === 2 && found;
    }, 'two lines about it');
    expect(lines.map(({ plugin, hook }) => `${plugin} ${hook}`)).toEqual(['evil start', 'evil end']);
  }
});

test('a plugin hears that its client has gone, and what it makes too late is given back', async () => {
  const seen: string[] = [];
  const { address, end } = await lab({
    plugins: [
      plugin('slow', {
        open: (_: unknown, { signal }: { signal: AbortSignal }) =>
          new Promise((resolve) => {
            seen.push('asked');
            signal.addEventListener('abort', () => {
              seen.push('aborted');
              resolve(content({ close: () => void seen.push('closed') }));
            });
          }),
      }),
    ],
    limits: { hookMs: 60 },
  });
  await using peer = await Peer.open();
  peer.send(address, rrq('bad'));
  expect(await peer.reply()).toMatchObject({ kind: 'error', ...internal });
  await end();
  expect(await until(() => seen.length === 3 && seen, 'content given back')).toEqual(['asked', 'aborted', 'closed']);
});

test('a request to write leaves an unwilling plugin no say', async () => {
  const { address, tree } = await lab({ plugins: [plugin('reader', { open: () => Buffer.from('x') })] });
  await using peer = await Peer.open();
  peer.send(address, wrq('bad'));
  expect(await peer.reply()).toMatchObject({ kind: 'error', code: 2 });
  expect(tree('ROOT')).toEqual([]);
});

test('promises of another make, which have nothing but `then`, are promises', async () => {
  const bytes = seeded(3).bytes(3 * SEGMENT);
  let closed = 0;
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
  const later = <T>(make: () => T) => ({ then: (resolve: (value: T) => void) => void setTimeout(() => resolve(make()), 1) });
  const slow = content({
    read: (offset: number, length: number) => later(() => bytes.subarray(offset, offset + length)),
    close: () => later(() => void closed++),
  });
  const opened = { open: () => later(() => slow) };
  const { address, end, log } = await lab({ plugins: [plugin('odd', opened as never)] });
  const got = await get(address, 'bad', { options: { blksize: 8192, windowsize: 4 } });
  expect(got.error).toBeUndefined();
  expect(Buffer.from(got.bytes).equals(bytes)).toBe(true);
  expect(await end()).toMatchObject({ outcome: 'completed' });
  expect(closed).toBe(1);
  expect(log.filter(({ level }) => level === 'error')).toEqual([]);
});
