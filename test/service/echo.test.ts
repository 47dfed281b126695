/** A service that the server knows nothing of, beside TFTP: prepared, reloaded and stopped with it, on the same generations. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { type Config, definePlugin } from '../../src/index.ts';
import { resolveConfig } from '../kit/config.ts';
import { EchoService, type EchoWire } from '../kit/echo.ts';
import { folder, gate, lab, until } from '../kit/lab.ts';
import { freePort } from '../kit/serve.ts';
import { get } from '../kit/tftp.ts';

/** Over TCP on loopback: one name a connection. */
const wire: EchoWire = {
  async listen(port, onName) {
    const address = { address: '127.0.0.1', port };
    const server = createServer((socket: Socket) => {
      socket.once('data', (data) => {
        const client = { address: socket.remoteAddress!, port: socket.remotePort! };
        const exchange = onName(data.toString().trimEnd(), client, (text) =>
          text === undefined ? socket.destroy() : socket.end(text),
        );
        socket.on('close', () => exchange.leave());
        exchange.answer();
      });
      socket.on('error', () => {});
    });
    server.listen(port, address.address);
    await once(server, 'listening');
    return { addresses: [address], close: async () => void server.close() };
  },
};

interface EchoOptions {
  readonly greeting: string;
  /** What `open` waits for. */
  readonly wait?: () => Promise<void>;
  readonly onDispose?: () => void;
}

/** Its content tells which generation it is of; names that begin with `slow` wait. */
const greeting = ({ greeting, wait, onDispose = () => {} }: EchoOptions) =>
  definePlugin({
    name: 'greeting',
    setup(_options, context) {
      context.onDispose(onDispose);
      return {
        async open(request) {
          if (!request.name.startsWith('slow')) return undefined;
          await wait?.();
          return Buffer.from(greeting);
        },
      };
    },
  })();

async function ask(port: number, name: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`${name}\n`);
  let text = '';
  for await (const data of socket) text += data;
  return text;
}

/** `variables.echo` of the config is not there: the port of a generation is where it says so, by its plugin's name for itself. */
async function echoLab(first: EchoOptions) {
  const ports = [await freePort(), await freePort()];
  const at = folder();
  at.put('ROOT/hello', 'hello, world');
  const configOf = (options: EchoOptions): Config => ({ rootDir: 'ROOT', stableMs: 0, plugins: [greeting(options)] });
  /** Every second generation listens on the second port. */
  const portOf = ({ number }: { readonly number: number }) => ports[(number - 1) % 2]!;
  const world = await lab(configOf(first), at, { services: (host) => [new EchoService(host, wire, portOf)] });
  const { config } = world.server;
  const reload = (options: EchoOptions) => {
    const resolved = resolveConfig({ ...configOf(options), tftp: { listen: [...config.tftp.listen] } }, { dir: at.path });
    return world.server.reload(resolved);
  };
  return { ...world, ports, reload };
}

test('it is small, and declares its requests by itself', () => {
  const source = readFileSync(fileURLToPath(new URL('../kit/echo.ts', import.meta.url)), 'utf8');
  const service = source.slice(source.indexOf('// From here on it is the service.'));
  expect(service.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(81);
});

test('both services answer by one pipeline and one generation, and each end is told', async () => {
  const { ports, address, server, ended, started } = await echoLab({ greeting: 'one' });
  expect(server.addresses).toEqual([address, { address: '127.0.0.1', port: ports[0] }]);
  expect(await ask(ports[0]!, 'hello')).toBe('hello 12');
  expect((await get(address, 'hello')).bytes.toString()).toBe('hello, world');
  expect(await ask(ports[0]!, 'absent')).toBe('not-found: file not found');
  expect(await ask(ports[0]!, '../hello')).toMatch(/^(forbidden|not-found): /);
  await until(() => ended.length === 4, 'every end');
  expect(ended.map(({ request, outcome, tftp }) => [request.protocol, outcome, tftp !== undefined])).toEqual([
    ['echo', 'completed', false],
    ['tftp', 'completed', true],
    ['echo', 'refused', false],
    ['echo', 'refused', false],
  ]);
  expect(new Set(ended.map(({ id }) => id)).size).toBe(4);
  expect(started).toHaveLength(2);
  const { counters } = server.stats();
  expect([counters['requests.read'], counters['outcomes.completed'], counters['outcomes.refused']]).toEqual([4, 2, 2]);
});

test('a reload moves both; an exchange goes on under its generation, which is disposed of after its end', async () => {
  const { passed, open } = gate();
  const disposed: string[] = [];
  const first = { greeting: 'of the first', wait: () => passed, onDispose: () => void disposed.push('first') };
  const { ports, address, server, ended, reload } = await echoLab(first);
  const slow = ask(ports[0]!, 'slow/echo');
  const slowTftp = get(address, 'slow/tftp', { retryMs: 5000 });
  const live = await until(async () => {
    const exchanges = await server.exchanges();
    return exchanges.length === 2 && exchanges;
  }, 'two exchanges');
  expect(live.map(({ request, generation }) => [request.protocol, generation]).sort()).toEqual([
    ['echo', 1],
    ['tftp', 1],
  ]);
  const { draining } = await reload({ greeting: 'of the second' });
  expect(draining).toBe(2);
  expect(server.addresses.at(-1)).toEqual({ address: '127.0.0.1', port: ports[1] });
  expect(await ask(ports[1]!, 'slow')).toBe('plugin:greeting 13');
  await expect(ask(ports[0]!, 'slow')).rejects.toThrow('ECONNREFUSED');
  expect(disposed).toEqual([]);
  open();
  expect(await slow).toBe('plugin:greeting 12');
  expect((await slowTftp).bytes.toString()).toBe('of the first');
  await until(() => disposed.length === 1, 'end of the first generation');
  expect(ended.map(({ generation }) => generation).sort()).toEqual([1, 1, 2]);
});

test('a port that cannot be bound leaves both as they were', async () => {
  const { ports, address, reload, server } = await echoLab({ greeting: 'one' });
  const taken = createServer().listen(ports[1], '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  await expect(reload({ greeting: 'two' })).rejects.toThrow('EADDRINUSE');
  expect(server.generation).toBe(1);
  expect(await ask(ports[0]!, 'hello')).toBe('hello 12');
  expect((await get(address, 'hello')).bytes.toString()).toBe('hello, world');
});

test('a stop waits for both, then refuses what is left', async () => {
  const { ports, ended, server } = await echoLab({ greeting: 'one', wait: () => new Promise(() => {}) });
  const slow = ask(ports[0]!, 'slow');
  await until(async () => (await server.exchanges()).length === 1, 'exchange');
  await server.stop(50);
  expect(await slow).toBe('unavailable: server is stopping');
  expect(ended.map(({ outcome, error }) => [outcome, error?.reason])).toEqual([['refused', 'unavailable']]);
  await expect(ask(ports[0]!, 'hello')).rejects.toThrow('ECONNREFUSED');
});

test('a client that leaves ends its exchange', async () => {
  const { ports, ended, server } = await echoLab({ greeting: 'one', wait: () => new Promise(() => {}) });
  const socket = connect(ports[0]!, '127.0.0.1');
  socket.write('slow\n');
  await until(async () => (await server.exchanges()).length === 1, 'exchange');
  socket.destroy();
  await until(() => ended.length === 1, 'its end');
  expect(ended[0]).toMatchObject({ outcome: 'aborted', request: { protocol: 'echo', asked: 'slow' } });
  expect(await server.exchanges()).toEqual([]);
});
