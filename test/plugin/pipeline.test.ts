import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { NOT_FOUND, Refusal, type RefusalReason } from '../../src/base/refusal.ts';
import { definePlugin, type Plugin } from '../../src/plugin/define.ts';
import { PluginError } from '../../src/plugin/error.ts';
import type { Trace } from '../../src/plugin/trace.ts';
import type { Call, Hooks, ReadRequest, RewriteRequest } from '../../src/plugin/types.ts';
import { counted, environment, fakeFolder, readRequest, settle, start, summary, transfer, writeRequest } from './support.ts';

const hooks = (name: string, made: Hooks): Plugin => definePlugin({ name, setup: () => made })();
/** What JavaScript may do, which TypeScript forbids. */
const js = (name: string, made: object): Plugin => hooks(name, made as Hooks);
const never = new Promise<never>(() => {});

describe('setup', () => {
  test('runs in order, with a folder and paths that start at the config', async () => {
    const order: string[] = [];
    const plugin = (name: string) =>
      definePlugin({
        name,
        options: z.string().optional(),
        async setup(_, context) {
          order.push(`begin ${name}`);
          await settle();
          context.watch('data/a.txt');
          order.push(`${name} ${context.configDir} ${Buffer.from(await (await context.folder('sub').open('in'))!.read(0, 99))}`);
          return {};
        },
      })();
    const env = environment();
    await start([plugin('a'), plugin('b')], env);
    expect(order).toEqual(['begin a', 'a /lab /lab/sub', 'begin b', 'b /lab /lab/sub']);
    expect(env.watched).toEqual(['/lab/data/a.txt', '/lab/data/a.txt']);
  });

  const disposing = (name: string, log: string[], after?: () => never | Promise<never>): Plugin =>
    definePlugin({
      name,
      async setup(_, { onDispose }) {
        onDispose(() => void log.push(`${name} 1`));
        onDispose(async () => {
          await null;
          log.push(`${name} 2`);
        });
        await after?.();
        return {};
      },
    })();

  test('dispose: last in, first out, once, whatever one of them does', async () => {
    const log: string[] = [];
    const env = environment();
    const bad = definePlugin({
      name: 'bad',
      setup(_, { onDispose }) {
        onDispose(() => never);
        onDispose(() => Promise.reject(new Error('will not')));
        return {};
      },
    })();
    const pipeline = await start([disposing('a', log), bad, disposing('b', log)], env);
    const both = Promise.all([pipeline.dispose(), pipeline.dispose()]);
    await env.clock.advance(0);
    await env.clock.advance(10_000);
    await both;
    expect(log).toEqual(['b 2', 'b 1', 'a 2', 'a 1']);
    expect(env.log.lines.map(({ fields }) => (fields.err as Error).message)).toEqual([
      'plugin "bad", dispose: will not',
      'plugin "bad", dispose: not done within 10000 ms',
    ]);
    expect(env.clock.pending).toBe(0);
  });

  test.each<[string, () => never | Promise<never>, string]>([
    [
      'throws',
      () => {
        throw new Error('no lease file');
      },
      'no lease file',
    ],
    ['rejects with no error', () => Promise.reject(5), 'threw 5'],
    ['never settles', () => never, 'not done within 10000 ms'],
  ])('that %s half-way: what was made is disposed of, the later plugins never start', async (_, after, cause) => {
    const log: string[] = [];
    const env = environment();
    const third = vi.fn(() => ({}));
    const started = start([disposing('a', log), disposing('b', log, after), definePlugin({ name: 'c', setup: third })()], env);
    const failed = expect(started).rejects.toMatchObject({
      name: 'PluginError',
      plugin: 'b',
      hook: 'setup',
      message: `plugin "b", setup: ${cause}`,
    });
    await env.clock.advance(10_000);
    await failed;
    expect(log).toEqual(['b 2', 'b 1', 'a 2', 'a 1']);
    expect(third).not.toHaveBeenCalled();
  });

  test('that was given up: what it registers afterwards is disposed of at once', async () => {
    const log: string[] = [];
    const env = environment();
    let go = (): void => undefined;
    const slow = definePlugin({
      name: 'slow',
      async setup(_, { onDispose }) {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        onDispose(() => void log.push('late'));
        return {};
      },
    })();
    const failed = expect(start([slow], env)).rejects.toBeInstanceOf(PluginError);
    await env.clock.advance(10_000);
    await failed;
    expect(log).toEqual([]);
    go();
    await settle();
    expect(log).toEqual(['late']);
  });

  test.each([
    [5, 'must return its hooks, returned 5'],
    [undefined, 'must return its hooks, returned nothing'],
    [{ open: 'x' }, 'returned "x" as its hook open'],
  ])('that returns %o is refused', async (made, message) => {
    await expect(start([js('odd', made as object)], environment())).rejects.toThrow(message);
  });
});

describe('identify', () => {
  test('of each fact the first answer wins, in one spelling, with its source', async () => {
    const last = vi.fn();
    const pipeline = await start(
      [
        hooks('silent', { identify: () => undefined }),
        hooks('knows', { identify: async () => ({ mac: '5254.0012.3456', source: 'table', ageMs: 5 }) }),
        hooks('also', {
          identify: ({ client }) => [
            { mac: '52:54:00:00:00:09', serial: '10000000D1F0C2AA', source: `api for ${client.mac}` },
            { uuid: 'B1C65F1A-2B5D-4F0E-9C55-0123456789AB', serial: 'x', source: 'name', ageMs: 0 },
          ],
        }),
        hooks('last', { identify: last }),
      ],
      environment(),
    );
    const { client } = await pipeline.identify(readRequest('kernel'));
    expect(client).toEqual({
      ...{ address: '192.168.7.20', port: 2070, mac: '52:54:00:12:34:56', macSource: 'table', macAgeMs: 5 },
      ...{ uuid: 'b1c65f1a-2b5d-4f0e-9c55-0123456789ab', uuidSource: 'name', uuidAgeMs: 0 },
      ...{ serial: 'd1f0c2aa', serialSource: 'api for 52:54:00:12:34:56' },
    });
    expect(last).not.toHaveBeenCalled();
  });

  test('what is given already stays', async () => {
    const pipeline = await start(
      [hooks('a', { identify: () => ({ mac: '52:54:00:00:00:02', uuid: 'ab', source: 'table' }) })],
      environment(),
    );
    const given = readRequest('kernel', { mac: '52:54:00:00:00:01', macSource: 'given' });
    expect((await pipeline.identify(given)).client).toEqual({ ...given.client, uuid: 'ab', uuidSource: 'table' });
  });

  test('a client of which every fact is given is not asked about', async () => {
    const asked = vi.fn();
    const pipeline = await start([hooks('a', { identify: asked })], environment());
    const facts = { mac: '52:54:00:00:00:01', uuid: 'ab', serial: 'cd' };
    const request = readRequest('kernel', facts);
    expect(await pipeline.identify(request)).toBe(request);
    expect(asked).not.toHaveBeenCalled();
  });

  test.each([
    [5],
    [null],
    [{}],
    [{ mac: 'nonsense', source: 'x' }],
    [{ mac: '525400123456' }],
    [{ mac: '525400123456', source: 'x', ageMs: -1 }],
    [[{ mac: '525400123456', source: 'x' }, { uuid: '' }]],
  ])('%o is a PluginError', async (answer) => {
    const env = environment();
    const pipeline = await start([js('odd', { identify: () => answer })], env);
    await expect(pipeline.identify(readRequest('kernel'))).rejects.toMatchObject({
      reason: 'internal',
      message: 'internal error',
    });
    expect(env.log.lines).toMatchObject([{ level: 'error', fields: { plugin: 'odd', hook: 'identify' } }]);
  });
});

describe('host', () => {
  const web1 = { name: 'web1', groups: ['web', 'linux'], variables: { role: 'web' } };

  test('the first answer wins; it knows the MAC address, and whoever comes after knows the host', async () => {
    const asked: unknown[] = [];
    const third = vi.fn();
    const pipeline = await start(
      [
        hooks('who', { identify: () => ({ mac: '525400123456', source: 'table' }) }),
        hooks('silent', { host: ({ client }) => void asked.push(client.mac) }),
        hooks('knows', { host: async () => ({ ...web1, extra: 1 }) }),
        hooks('third', { host: third }),
        hooks('late', {
          rewrite: (request) => ({ ...request, name: `boot/${request.client.host?.variables.role === 'web' ? 'a' : 'b'}` }),
        }),
      ],
      environment(),
    );
    const trace: Trace = [];
    const { request, served } = await pipeline.route(readRequest('kernel'), { trace });
    expect(asked).toEqual(['52:54:00:12:34:56']);
    expect(third).not.toHaveBeenCalled();
    expect(request.client).toMatchObject({ mac: '52:54:00:12:34:56', host: web1 });
    expect(served).toBe('boot/a');
    expect(trace.filter(({ hook }) => hook === 'host')).toMatchObject([
      { plugin: 'silent', before: '52:54:00:12:34:56' },
      { plugin: 'knows', before: '52:54:00:12:34:56', after: 'web1 < web < linux' },
    ]);
  });

  test('who uploads has a host, too, and one whom nobody knows has none', async () => {
    const plugin = hooks('knows', { host: ({ client }) => (client.address === '192.168.7.20' ? web1 : undefined) });
    const pipeline = await start([plugin], environment());
    expect((await pipeline.route(writeRequest('up'))).request.client.host).toEqual(web1);
    const stranger = await pipeline.route(readRequest('kernel', { address: '10.0.0.1' }));
    expect('host' in stranger.request.client).toBe(false);
  });

  test('a Refusal is the answer', async () => {
    const refuses = hooks('refuses', {
      host() {
        throw new Refusal('forbidden', 'not for you');
      },
    });
    const trace: Trace = [];
    const { error } = await (await start([refuses], environment())).route(readRequest('kernel'), { trace });
    expect(error).toMatchObject({ reason: 'forbidden', message: 'not for you' });
    expect(trace).toMatchObject([{ plugin: 'refuses', hook: 'host', error: 'forbidden: not for you' }]);
  });

  test.each([
    [5],
    [null],
    [{ groups: [], variables: {} }],
    [{ name: 'a', variables: {} }],
    [{ name: 'a', groups: 'web', variables: {} }],
    [{ name: 'a', groups: [] }],
  ])('%o is a PluginError', async (answer) => {
    const env = environment();
    const pipeline = await start([js('odd', { host: () => answer })], env);
    await expect(pipeline.host(readRequest('kernel'))).rejects.toMatchObject({ reason: 'internal', message: 'internal error' });
    expect(env.log.lines).toMatchObject([{ level: 'error', fields: { plugin: 'odd', hook: 'host' } }]);
  });
});

describe('rewrite', () => {
  test('each plugin gets what the one before it returned; only the name counts; the result is cleaned', async () => {
    const seen: string[] = [];
    const pipeline = await start(
      [
        hooks('a', {
          rewrite(request) {
            seen.push(request.name);
            return { ...request, name: `\\A//${request.name}` };
          },
        }),
        hooks('silent', { rewrite: (request) => void seen.push(request.name) }),
        js('b', {
          rewrite(request: ReadRequest) {
            seen.push(request.name);
            return { name: `${request.name}.b`, client: { address: 'forged' }, kind: 'write' };
          },
        }),
      ],
      environment(),
    );
    const request = readRequest('kernel');
    expect(await pipeline.rewrite(request)).toEqual({ ...request, name: 'A/kernel.b' });
    expect(seen).toEqual(['kernel', 'A/kernel', 'A/kernel']);
  });

  test.each([['a string'], [5], [null], [{}], [{ name: 5 }]])('%o is a PluginError', async (answer) => {
    const env = environment();
    const pipeline = await start([js('odd', { rewrite: () => answer })], env);
    await expect(pipeline.rewrite(readRequest('kernel'))).rejects.toMatchObject({ reason: 'internal' });
    expect(env.log.lines[0]?.fields.err).toBeInstanceOf(PluginError);
  });
});

describe('open', () => {
  const bytes = async (content: { read(offset: number, length: number): unknown }) =>
    String(Buffer.from((await content.read(0, 99)) as Uint8Array));

  test.each<[string, unknown, string, string]>([
    ['a name', 'boot/a', 'a', 'boot/a'],
    ['a name with a slash too many', '/boot//a', 'a', 'boot/a'],
    ['bytes', new TextEncoder().encode('made'), 'made', 'plugin:a'],
    ['content', counted('content'), 'content', 'plugin:a'],
    ['content of a file', counted('content', 'sub/x'), 'content', 'sub/x'],
    ['nothing: the root decides', undefined, 'kernel of the root', 'kernel'],
  ])('%s', async (_, answer, text, served) => {
    const second = vi.fn();
    const pipeline = await start([js('a', { open: async () => answer }), hooks('second', { open: second })], environment());
    const opened = await pipeline.open(readRequest('kernel'));
    expect([opened && (await bytes(opened.content)), opened?.served]).toEqual([text, served]);
    expect(second).toHaveBeenCalledTimes(answer === undefined ? 1 : 0);
  });

  test.each<[string, unknown, RefusalReason, string | undefined]>([
    ['a missing name', 'absent', 'not-found', undefined],
    ['a name that leaves the root', '../../etc/passwd', 'forbidden', 'forbidden: access violation'],
    ['an empty name', '', 'not-found', 'not-found: file not found'],
    ['a number', 5, 'internal', 'must return a name'],
    ['null', null, 'internal', 'must return a name'],
    ['content without read', { close() {} }, 'internal', 'must return a name'],
    ['content of a wrong size', { size: -1, read() {}, close() {} }, 'internal', 'size is -1'],
  ])('%s', async (_, answer, reason, logged) => {
    const env = environment();
    const pipeline = await start([js('odd', { open: () => answer })], env);
    await expect(pipeline.open(readRequest('kernel'))).rejects.toMatchObject({ name: 'Refusal', reason });
    expect(env.log.lines.map(({ fields }) => [fields.plugin, fields.hook, String(fields.err)])).toEqual(
      logged === undefined ? [] : [['odd', 'open', expect.stringContaining(logged)]],
    );
  });

  test('content that is refused is closed', async () => {
    const close = vi.fn();
    const pipeline = await start([js('odd', { open: () => ({ size: 0.5, read() {}, close }) })], environment());
    await expect(pipeline.open(readRequest('kernel'))).rejects.toMatchObject({ reason: 'internal' });
    expect(close).toHaveBeenCalledTimes(1);
  });

  test('ERROR 1 when nobody has it', async () => {
    const pipeline = await start([], environment());
    expect(await pipeline.open(readRequest('absent'))).toBeUndefined();
    expect((await pipeline.route(readRequest('absent'))).error).toBe(NOT_FOUND);
  });

  test('a root that fails is ERROR 0 and a log line', async () => {
    const env = environment({
      root: {
        open: () => Promise.reject(new Error('EIO /secret')),
        has: async () => false,
        spelling: async () => undefined,
        list: async () => undefined,
      },
    });
    const pipeline = await start([], env);
    await expect(pipeline.open(readRequest('kernel'))).rejects.toMatchObject({ reason: 'internal', message: 'internal error' });
    expect(env.log.lines).toMatchObject([{ message: 'root directory failed' }]);
  });
});

test('what a plugin notes about its answer stands in the trace', async () => {
  const pipeline = await start(
    [
      hooks('noting', {
        rewrite(request, { note }) {
          note('rule 3');
          return { ...request, name: 'x' };
        },
      }),
      hooks('silent', { rewrite: () => undefined }),
    ],
    environment(),
  );
  const trace: Trace = [];
  await pipeline.route(readRequest('kernel'), { trace });
  expect(trace[0]).toMatchObject({ plugin: 'noting', after: 'x', note: 'rule 3' });
  expect(trace[1]).not.toHaveProperty('note');
});

describe('store', () => {
  const sink = () => ({ write() {}, commit() {}, abort: vi.fn() });

  test('the first that takes it; else nobody', async () => {
    const taken = sink();
    const pipeline = await start([hooks('no', { store: () => undefined }), hooks('yes', { store: () => taken })], environment());
    expect(await pipeline.store(writeRequest('up'))).toEqual({ sink: taken, plugin: 'yes' });
    expect(await (await start([], environment())).store(writeRequest('up'))).toBeUndefined();
  });

  test('another name is for `uploads`, and held to the rules for names', async () => {
    const naming = (name: string) => start([hooks('yes', { store: () => name }), hooks('no', { store: sink })], environment());
    const trace: Trace = [];
    expect(await (await naming('/logs//a')).route(writeRequest('up'), { trace })).toMatchObject({
      request: { name: 'logs/a' },
      sink: undefined,
      plugin: undefined,
    });
    expect(trace).toMatchObject([{ plugin: 'yes', hook: 'store', before: 'up', after: 'logs/a' }]);
    expect(await (await naming('../a')).route(writeRequest('up'))).toMatchObject({ error: { reason: 'forbidden' } });
  });

  test('half a sink is a PluginError; a late one is aborted', async () => {
    const env = environment();
    const late = sink();
    let give = (_: typeof late): void => undefined;
    const pipeline = await start(
      [
        js('half', {
          store: (request: { name: string }) =>
            request.name === 'half'
              ? { write() {}, abort() {} }
              : new Promise((resolve) => {
                  give = resolve;
                }),
        }),
      ],
      env,
    );
    await expect(pipeline.store(writeRequest('half'))).rejects.toMatchObject({ reason: 'internal' });
    expect(String(env.log.lines[0]?.fields.err)).toContain('one without commit');
    const refused = expect(pipeline.store(writeRequest('late'))).rejects.toMatchObject({ reason: 'internal' });
    await env.clock.advance(5000);
    await refused;
    give(late);
    await settle();
    expect(late.abort).toHaveBeenCalledTimes(1);
  });
});

describe('failures cost their own request only', () => {
  const wire = new Refusal('exists', 'not for you');

  test.each(['identify', 'rewrite', 'open', 'store'] as const)('%s: throws, rejects, hangs, refuses', async (hook) => {
    const env = environment();
    let signal: AbortSignal | undefined;
    let behave: (call: Call) => unknown = () => undefined;
    const pipeline = await start([js('bad', { [hook]: (_: unknown, call: Call) => behave(call) })], env);
    const route = () => (hook === 'store' ? pipeline.route(writeRequest('up')) : pipeline.route(readRequest('kernel')));

    behave = () => {
      throw new Error('boom');
    };
    expect((await route()).error).toMatchObject({ reason: 'internal', message: 'internal error' });
    behave = () => Promise.reject(new Error('bang'));
    expect((await route()).error).toMatchObject({ reason: 'internal', message: 'internal error' });
    behave = ({ signal: given }) => {
      signal = given;
      return never;
    };
    const hung = route();
    await env.clock.advance(4999);
    expect(signal?.aborted).toBe(false);
    await env.clock.advance(1);
    expect((await hung).error).toMatchObject({ reason: 'internal', message: 'internal error' });
    expect(signal?.aborted).toBe(true);
    behave = () => {
      throw wire;
    };
    expect((await route()).error).toBe(wire);
    behave = () => undefined;
    expect((await route()).error).toBeUndefined();

    expect(env.log.lines.map(({ fields }) => String(fields.err))).toEqual(
      ['boom', 'bang', 'not done within 5000 ms'].map((cause) => `PluginError: plugin "bad", ${hook}: ${cause}`),
    );
    expect(env.clock.pending).toBe(0);
  });

  test('content that comes after the time limit is closed, a late rejection is ignored', async () => {
    const env = environment();
    const late = counted('late');
    let give = (_: unknown): void => undefined;
    const pipeline = await start(
      [
        js('slow', {
          open: () =>
            new Promise((resolve) => {
              give = resolve;
            }),
        }),
      ],
      env,
    );
    for (const value of [() => late, () => 'a name', () => Promise.reject(new Error('late'))]) {
      const routed = pipeline.route(readRequest('kernel'));
      await env.clock.advance(5000);
      expect((await routed).error).toMatchObject({ reason: 'internal' });
      give(value());
      await settle();
    }
    expect(late.closed).toBe(1);
  });

  test('when the client has gone: the hook is told, what it still opens is closed, nothing is logged', async () => {
    const env = environment();
    const late = counted('late');
    let give = (_: unknown): void => undefined;
    let signal: AbortSignal | undefined;
    const pipeline = await start(
      [
        js('slow', {
          open: (_: unknown, call: Call) => {
            signal = call.signal;
            return new Promise((resolve) => {
              give = resolve;
            });
          },
        }),
      ],
      env,
    );
    const gone = new AbortController();
    const routed = pipeline.route(readRequest('kernel'), { signal: gone.signal });
    await settle();
    gone.abort(new Error('client gone'));
    await expect(routed).rejects.toThrow('client gone');
    expect(signal?.aborted).toBe(true);
    give(late);
    await settle();
    expect([late.closed, env.log.lines.length, env.clock.pending]).toEqual([1, 0, 0]);
    await expect(pipeline.route(readRequest('kernel'), { signal: gone.signal })).rejects.toThrow('client gone');
  });

  test('a file that the root opens for a client that has gone is closed', async () => {
    const content = counted('x');
    let give = (): void => undefined;
    const root = {
      open: () =>
        new Promise<typeof content>((resolve) => {
          give = () => resolve(content);
        }),
      has: async () => true,
      spelling: async () => undefined,
      list: async () => undefined,
    };
    const pipeline = await start([], environment({ root }));
    const gone = new AbortController();
    const routed = pipeline.route(readRequest('kernel'), { signal: gone.signal });
    await settle();
    gone.abort(new Error('client gone'));
    await expect(routed).rejects.toThrow('client gone');
    give();
    await settle();
    expect(content.closed).toBe(1);
  });

  test('content opened in the same moment in which the client goes is closed', async () => {
    const content = counted('x');
    const gone = new AbortController();
    const leaving = hooks('a', {
      open() {
        gone.abort(new Error('client gone'));
        return content;
      },
    });
    const pipeline = await start([leaving], environment());
    await expect(pipeline.route(readRequest('kernel'), { signal: gone.signal })).rejects.toThrow('client gone');
    expect(content.closed).toBe(1);
  });
});

describe('route', () => {
  test('identify, rewrite, open; each call and each look-up stands in the trace', async () => {
    const env = environment();
    const slow = hooks('slow', {
      async identify() {
        await env.clock.advance(3);
        return { mac: '525400123456', source: 'table' };
      },
    });
    const pipeline = await start(
      [
        slow,
        hooks('rename', { rewrite: (request) => ({ ...request, name: request.name.replace('asked', 'boot/a') }) }),
        hooks('looks', {
          async open(request, { root }) {
            await root.has('nowhere');
            return root.open(`${request.name}.missing`);
          },
        }),
      ],
      env,
    );
    const trace: Trace = [];
    const routed = await pipeline.route(readRequest('asked'), { trace });
    expect(routed).toMatchObject({
      request: { name: 'boot/a', asked: '/asked', client: { mac: '52:54:00:12:34:56', macSource: 'table' } },
      served: 'boot/a',
    });
    expect(JSON.parse(JSON.stringify(trace))).toEqual([
      { plugin: 'slow', hook: 'identify', before: '192.168.7.20', after: '52:54:00:12:34:56 (table)', ms: 3, lookups: [] },
      { plugin: 'rename', hook: 'rewrite', before: 'asked', after: 'boot/a', ms: 0, lookups: [] },
      {
        plugin: 'looks',
        hook: 'open',
        before: 'boot/a',
        ms: 0,
        lookups: [
          { name: 'nowhere', found: false },
          { name: 'boot/a.missing', found: false },
        ],
      },
      { hook: 'open', before: 'boot/a', after: 'boot/a (1 bytes)', ms: 0, lookups: [{ name: 'boot/a', found: true }] },
    ]);
  });

  test('a refusal carries request and trace as far as they got', async () => {
    const pipeline = await start(
      [
        hooks('who', { identify: () => ({ mac: '525400123456', source: 'table' }) }),
        hooks('out', { rewrite: (request) => ({ ...request, name: '../x' }) }),
      ],
      environment(),
    );
    const trace: Trace = [];
    const routed = await pipeline.route(readRequest('asked'), { trace });
    expect(routed).toMatchObject({
      error: { reason: 'forbidden' },
      request: { name: 'asked', client: { mac: '52:54:00:12:34:56' } },
    });
    expect(trace.at(-1)).toMatchObject({
      plugin: 'out',
      hook: 'rewrite',
      error: 'forbidden: access violation (".." in the name)',
    });
  });

  test('an upload is rewritten like a read, before it is stored', async () => {
    const store = vi.fn();
    const rewrite = (request: RewriteRequest) => ({ ...request, name: `${request.kind}/${request.name}` });
    const pipeline = await start([hooks('keeps', { store }), hooks('a', { rewrite })], environment());
    expect(await pipeline.route(writeRequest('up'))).toMatchObject({
      request: { kind: 'write', name: 'write/up' },
      sink: undefined,
    });
    expect(store.mock.lastCall![0]).toMatchObject({ name: 'write/up' });
  });

  describe('a name that no file can have', () => {
    const unservable = new Refusal('not-found', 'file not found');
    const junk = { ...readRequest('boot\x01;o'), name: 'boot\x01;o' };
    const mending = (name: string) => hooks('mends', { rewrite: (request) => ({ ...request, name }) });

    test.each([
      ['is mended by a rule', [mending('boot')], { served: 'boot' }],
      ['is refused where no plugin changes it', [], { error: unservable, request: { name: '' } }],
      ['… or one returns it as it is', [mending('boot\x01;o')], { error: unservable, request: { name: '' } }],
      ['… or one leaves some of it', [mending('a/boot\x01;o')], { error: { reason: 'not-found' } }],
      ['… or one leads out of the root', [mending('../boot')], { error: { reason: 'forbidden' } }],
    ])('%s', async (_, plugins, expected) => {
      const open = vi.fn();
      const env = environment({ root: fakeFolder({ boot: 'x' }) });
      const pipeline = await start([...plugins, hooks('opens', { open })], env);
      expect(await pipeline.route(junk, { unservable })).toMatchObject(expected);
      // No plugin gets to open it, and what a client has sent fills no log.
      expect(open.mock.calls.map(([{ name }]) => name)).toEqual('served' in expected ? ['boot'] : []);
      expect(env.log.lines).toEqual([]);
    });
  });

  test("a hook's log is bound to its plugin and to the transfer", async () => {
    const env = environment();
    const pipeline = await start([hooks('talks', { open: (_, { log }) => log.info({ a: 1 }, 'hello') })], env);
    await pipeline.route(readRequest('kernel'), { log: env.log.child({ transfer: 7 }) });
    expect(env.log.lines).toEqual([{ level: 'info', message: 'hello', fields: { plugin: 'talks', transfer: 7, a: 1 } }]);
  });

  test('a hook that answers at once costs no timer', async () => {
    const env = environment();
    const timer = vi.spyOn(env.clock, 'setTimeout');
    const pipeline = await start(
      [hooks('quick', { identify: () => undefined, rewrite: () => undefined, open: () => 'kernel' })],
      env,
    );
    timer.mockClear();
    await pipeline.route(readRequest('kernel'));
    pipeline.start(transfer());
    // The one look-up under the root waits for the signal only.
    expect(timer).not.toHaveBeenCalled();
  });
});

describe('observers', () => {
  test('are told at once, in order; what they do wrong is logged and stops nobody', async () => {
    const env = environment();
    const told: unknown[] = [];
    const pipeline = await start(
      [
        hooks('throws', {
          start: () => {
            throw new Refusal('not-found', 'no');
          },
        }),
        hooks('rejects', { end: () => Promise.reject(new Error('bang')) }),
        hooks('hangs', { start: () => never }),
        hooks('fine', { start: (info) => void told.push(info), end: (info) => void told.push(info) }),
      ],
      env,
    );
    expect(pipeline.start(transfer())).toBeUndefined();
    expect(told).toEqual([transfer()]);
    pipeline.end(summary());
    expect(told).toEqual([transfer(), summary()]);
    await env.clock.advance(5000);
    expect(env.log.lines.map(({ fields }) => [fields.plugin, fields.hook, fields.transfer, String(fields.err)])).toEqual([
      ['throws', 'start', 12, 'PluginError: plugin "throws", start: no'],
      ['rejects', 'end', 12, 'PluginError: plugin "rejects", end: bang'],
      ['hangs', 'start', 12, 'PluginError: plugin "hangs", start: not done within 5000 ms'],
    ]);
  });

  test('are waited for before anything is disposed of', async () => {
    const order: string[] = [];
    const slow = definePlugin({
      name: 'slow',
      setup(_, { onDispose }) {
        onDispose(() => void order.push('disposed'));
        return {
          async end() {
            await settle();
            order.push('written');
          },
        };
      },
    })();
    const pipeline = await start([slow], environment());
    pipeline.end(summary());
    await pipeline.dispose();
    expect(order).toEqual(['written', 'disposed']);
  });
});
