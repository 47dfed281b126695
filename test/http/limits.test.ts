/** What one HTTP client, and all together, may use; how the service starts, reloads and stops. */
import { execFileSync } from 'node:child_process';
import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, test } from 'vitest';
import { type Bind, bindNode, Listeners } from '../../src/http/listeners.ts';
import { definePlugin } from '../../src/index.ts';
import { resolveConfig } from '../kit/config.ts';
import { ask, converse, httpLab, RawClient, repliesOf } from '../kit/http.ts';
import { folder, gate, lab, until } from '../kit/lab.ts';
import { letterConfig } from '../kit/letter-config.ts';
import { reloadingLab } from '../kit/reloading.ts';
import { freePort } from '../kit/serve.ts';
import { describeWith, requireTools } from '../kit/tools.ts';

const KEPT = 'Host: pxe\r\n';

function files() {
  const at = folder();
  at.put('ROOT/x', 'inside');
  at.put('ROOT/huge', Buffer.alloc(50_000_000));
  return at;
}

const counters = ({ server }: Pick<Awaited<ReturnType<typeof httpLab>>, 'server'>) => server.stats().counters;
const open = ({ server }: Pick<Awaited<ReturnType<typeof httpLab>>, 'server'>) => server.stats().gauges['live.http-connections'];

test.each([
  ['nothing', ''],
  ['half a request', 'GET /x HTT'],
  ['one header after another', `GET /x HTTP/1.1\r\n${KEPT}`],
])('a client that sends %s and waits is disconnected', async (_, text) => {
  const at = await httpLab({ http: { limits: { headerMs: 100 } } }, files());
  expect((await converse(at.http, text)).length).toBe(0);
  expect(counters(at)['http-connections.too-slow']).toBe(1);
  expect(at.ended).toEqual([]);
});

test('a connection is kept for the next request, and closed if none comes', async () => {
  const at = await httpLab({ http: { limits: { keepAliveMs: 100 } } }, files());
  const bytes = await converse(at.http, `GET /x HTTP/1.1\r\n${KEPT}\r\n`);
  expect(repliesOf(bytes, ['GET'])).toMatchObject([{ status: 200, headers: { Connection: 'keep-alive' } }]);
  expect(counters(at)['http-connections.too-slow']).toBe(0);
});

test('a client that does not read is disconnected, and its lease given back', async () => {
  const at = await httpLab({ http: { limits: { idleMs: 200 } } }, files());
  const client = new RawClient(at.http);
  client.send(`GET /huge HTTP/1.1\r\n${KEPT}\r\n`);
  client.socket.pause();
  expect(await at.end()).toMatchObject({ outcome: 'aborted' });
  expect(counters(at)['http-connections.too-slow']).toBe(1);
});

test('ten thousand idle connections are bounded by the limit, and one that closes makes room', async () => {
  const at = await httpLab({ http: { limits: { connections: 40, connectionsPerClient: 1000 } } }, files());
  const kept = Array.from({ length: 40 }, () => new RawClient(at.http));
  await until(() => open(at) === 40, 'the first connections');
  for (let batch = 0; batch < 50; batch++) {
    await Promise.all(Array.from({ length: 200 }, () => new RawClient(at.http).closed));
    expect(open(at)).toBe(40);
  }
  expect(counters(at)).toMatchObject({ 'http-connections.accepted': 40, 'http-connections.refused': 10_000 });
  kept[0]!.socket.destroy();
  await until(() => open(at) === 39, 'room');
  expect((await ask(at.http, '/x')).status).toBe(200);
});

test('one client has at most its share of connections', async () => {
  const at = await httpLab({ http: { limits: { connectionsPerClient: 2 } } }, files());
  const two = [new RawClient(at.http), new RawClient(at.http)];
  await until(() => open(at) === 2, 'two connections');
  await new RawClient(at.http).closed;
  expect(counters(at)['http-connections.refused']).toBe(1);
  for (const { socket } of two) socket.destroy();
});

test('a client that sends more requests than may wait is disconnected, and no lease is left', async () => {
  const { passed, open } = gate();
  const slow = definePlugin({ name: 'slow', setup: () => ({ open: async () => void (await passed) }) });
  const at = await httpLab({ plugins: [slow()], http: { limits: { pipelined: 3 } } }, files());
  await converse(at.http, `GET /x HTTP/1.1\r\n${KEPT}\r\n`.repeat(10));
  open();
  await until(async () => (await at.server.exchanges()).length === 0, 'end of all exchanges');
  expect(at.ended.map(({ outcome }) => outcome)).toEqual(['aborted']);
  expect(counters(at)['http-connections.too-slow']).toBe(1);
});

test('an answer after a refusal on the same connection is a transfer like any other: seen, and awaited by a stop', async () => {
  const at = await httpLab({}, files());
  const client = new RawClient(at.http);
  client.send(`POST /x HTTP/1.1\r\n${KEPT}Content-Length: 0\r\n\r\nGET /huge HTTP/1.1\r\n${KEPT}\r\n`);
  client.socket.once('data', () => client.socket.pause());
  await until(async () => (await at.server.exchanges()).some(({ bytes }) => bytes > 0), 'the transfer');
  const stopped = at.server.stop(20_000);
  client.socket.resume();
  await stopped;
  expect(at.ended).toMatchObject([{ outcome: 'completed', bytes: 50_000_000 }]);
});

test('a stop lets a transfer end, and closes the connections that wait', async () => {
  const at = await httpLab({}, files());
  const [idle, busy] = [new RawClient(at.http), new RawClient(at.http)];
  busy.send(`GET /huge HTTP/1.1\r\n${KEPT}\r\n`);
  busy.socket.once('data', () => busy.socket.pause());
  await until(async () => (await at.server.exchanges()).some(({ bytes }) => bytes > 0), 'the transfer');
  const stopped = at.server.stop(20_000);
  await idle.closed;
  await expect(ask(at.http, '/x')).rejects.toThrow();
  busy.socket.resume();
  await stopped;
  expect((await busy.all()).length).toBeGreaterThan(50_000_000);
  expect(at.ended).toMatchObject([{ outcome: 'completed', bytes: 50_000_000 }]);
});

test('a stop without a grace period ends a transfer that is under way', async () => {
  const at = await httpLab({}, files());
  const client = new RawClient(at.http);
  client.send(`GET /huge HTTP/1.1\r\n${KEPT}\r\n`);
  client.socket.pause();
  await until(async () => (await at.server.exchanges()).length === 1, 'the transfer');
  await at.server.stop(0);
  expect(at.ended).toMatchObject([{ outcome: 'aborted' }]);
});

test('without the section nothing listens', async () => {
  const at = await lab();
  expect(at.server.addresses).toHaveLength(1);
});

test('the section comes and goes with a reload, and a transfer ends as it began', async () => {
  const port = await freePort();
  const http = `http: { listen: [{ address: '127.0.0.1', port: ${port} }] },`;
  const here = { address: '127.0.0.1', port };
  const at = await reloadingLab({ config: letterConfig('A') });
  await expect(ask(here, '/who')).rejects.toThrow();
  const reload = async (source: string) => {
    const reloaded = at.nextReload();
    at.save(source);
    await reloaded;
  };
  await reload(letterConfig('B', { keys: http }));
  expect((await ask(here, '/who')).body.toString()).toBe('B');
  const client = new RawClient(here);
  client.send(`GET /who HTTP/1.1\r\n${KEPT}\r\n`);
  await until(() => at.ended.length === 2, 'the answer');
  await reload(letterConfig('C'));
  await client.closed;
  await expect(ask(here, '/who')).rejects.toThrow();
  await reload(letterConfig('D', { keys: http }));
  expect((await ask(here, '/who')).body.toString()).toBe('D');
});

test('an address that is taken keeps the config in force', async () => {
  const port = await freePort();
  const at = await reloadingLab({ config: letterConfig('A') });
  const other = await httpLab({}, files());
  const failed = at.nextFailure();
  const listen = [{ address: '127.0.0.1', port }, other.http];
  at.save(letterConfig('B', { keys: `http: { listen: ${JSON.stringify(listen)} },` }));
  expect(await failed).toMatchObject({ code: 'EADDRINUSE', remedy: expect.stringContaining('ss -tlnp') });
  expect(at.server.addresses).toHaveLength(1);
  await expect(ask({ address: '127.0.0.1', port }, '/who')).rejects.toThrow();
});

test.each([
  ['all addresses', ['0.0.0.0', '::'], 1],
  ['IPv6 alone', ['::'], 'EAFNOSUPPORT'],
  ['an IPv6 address', ['0.0.0.0', '::1'], 'EAFNOSUPPORT'],
] as const)('a machine without IPv6 that is to listen on %s', async (_, addresses, expected) => {
  const bind: Bind = async (address) => {
    if (address.address.includes(':')) throw Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' });
    return { address, secure() {}, close: async () => {} };
  };
  const listeners = new Listeners(bind, { onAccept: () => true, onConnection() {}, onError() {} });
  const { http } = resolveConfig({ http: { listen: addresses.map((address) => ({ address })) } }, { dir: '/' });
  const prepared = listeners.prepare(http, '/');
  if (typeof expected === 'string') await expect(prepared).rejects.toMatchObject({ code: expected });
  else expect((await prepared).commit()).toHaveLength(expected);
});

test('an address whose connections cannot be accepted goes on', async () => {
  const errors: string[] = [];
  const accepted: Socket[] = [];
  const events = {
    onAccept: (socket: Socket) => accepted.push(socket) > 0,
    onConnection() {},
    onError: ({ message }: Error) => void errors.push(message),
  };
  const bound = await bindNode({ address: '127.0.0.1', port: 0 }, undefined, events);
  const client = new RawClient(bound.address);
  await until(() => accepted.length === 1, 'a connection');
  const { server } = accepted[0] as Socket & { readonly server: EventEmitter };
  for (const times of ['once', 'twice']) server.emit('error', new Error(times));
  expect(errors).toEqual(['once', 'twice']);
  client.socket.destroy();
  accepted[0]!.destroy();
  await bound.close();
});

describeWith('HTTPS', requireTools('openssl'), () => {
  function certificate(path: string, name: string): void {
    const subject = ['-subj', `/CN=${name}`, '-days', '2', '-nodes', '-newkey', 'rsa:2048'];
    const out = ['-keyout', `${path}/${name}.key`, '-out', `${path}/${name}.crt`];
    execFileSync('openssl', ['req', '-x509', ...subject, ...out], { stdio: 'ignore' });
  }

  test.each([
    ['nothing', () => {}],
    ['nothing, and closes its side', (socket: Socket) => socket.end()],
    ['what is not TLS', (socket: Socket) => socket.write('GET / HTTP/1.1\r\n\r\n')],
    ['half a handshake, and closes its side', (socket: Socket) => socket.end('\x16\x03\x01\x02\x00\x01', 'latin1')],
    ['a reset', (socket: Socket) => socket.resetAndDestroy()],
  ])('a client that sends %s instead of a handshake keeps no connection', async (_, act) => {
    const made = folder();
    certificate(made.path, 'one');
    const [cert, key] = ['crt', 'key'].map((type) => readFileSync(`${made.path}/one.${type}`, 'utf8')) as [string, string];
    const accepted = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const onAccept = (socket: Socket) => {
      socket.once('close', () => closed.resolve());
      accepted.resolve();
      return true;
    };
    const events = { onAccept, onConnection: () => closed.reject(new Error('a connection')), onError() {} };
    const bound = await bindNode({ address: '127.0.0.1', port: 0 }, { cert, key }, events, 100);
    const client = new RawClient(bound.address);
    client.socket.removeAllListeners('end');
    await accepted.promise;
    act(client.socket);
    await closed.promise;
    client.socket.destroy();
    await bound.close();
  });

  test('the same names over TLS; a renewed certificate takes effect at once, and a broken one not at all', async () => {
    const made = folder();
    for (const name of ['one', 'two']) certificate(made.path, name);
    const of = (name: string) => readFileSync(`${made.path}/${name}`);
    const [port, tlsPort] = [await freePort(), await freePort()];
    const tls = `tls: { cert: 'cert.pem', key: 'key.pem', listen: [{ address: '127.0.0.1', port: ${tlsPort} }] }`;
    const config = letterConfig('A', { keys: `http: { listen: [{ address: '127.0.0.1', port: ${port} }], ${tls} },` });
    const at = await reloadingLab({ config, files: { 'cert.pem': of('one.crt'), 'key.pem': of('one.key') } });
    const presented = () =>
      new Promise<unknown>((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port: tlsPort, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().subject.CN);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const text = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: tlsPort, path: '/who', rejectUnauthorized: false, agent: false };
      httpsRequest(options, (response) => response.on('data', (bytes: Buffer) => resolve(bytes.toString())))
        .on('error', reject)
        .end();
    });
    expect(text).toBe('A');
    expect(at.ended[0]).toMatchObject({ request: { http: { isSecure: true } } });
    expect(await presented()).toBe('one');
    const failed = at.nextFailure();
    at.put('cert.pem', of('two.crt'));
    expect((await failed).message).toContain('cert.pem');
    expect(await presented()).toBe('one');
    const reloaded = at.nextReload();
    at.put('key.pem', of('two.key'));
    await reloaded;
    expect(await presented()).toBe('two');
  });
});
