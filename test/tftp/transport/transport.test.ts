/** Both transports: sockets and addresses, what only a real operating system can show. Loopback only. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { NetworkInterfaceInfo } from 'node:os';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { peerKey } from '../../../src/base/peer.ts';
import { CacheBudget } from '../../../src/content/budget.ts';
import type { Interfaces } from '../../../src/net/addresses.ts';
import type { ListenOn } from '../../../src/net/listening.ts';
import { DROP_REASONS } from '../../../src/stats/counters.ts';
import { Stats } from '../../../src/stats/stats.ts';
import type { ListenSettings } from '../../../src/tftp/transport/binding.ts';
import { NativeTransport } from '../../../src/tftp/transport/native/native.ts';
import { PortableTransport } from '../../../src/tftp/transport/portable.ts';
import type { Transport } from '../../../src/tftp/transport/transport.ts';
import { fastClock, until } from '../../kit/lab.ts';
import { MemoryService } from '../../kit/memory-service.ts';
import { seeded } from '../../kit/random.ts';
import type { Reading, ReadingTask } from '../../kit/reader.worker.ts';
import { freePort } from '../../kit/serve.ts';
import { ack, error, get, isData, Peer, rrq } from '../../kit/tftp.ts';
import { requireIpv6 } from '../../kit/tools.ts';
import { transport as underTest } from '../../kit/transport.ts';

const limits = {
  ...{ transfers: 100, transfersPerClient: 100, unproven: 100, unprovenBytes: 2048, unprovenFactor: 4, waiting: 100 },
  ...{ options: 16, optionBytes: 128, blockSize: 65464, windowSize: 64, windowBytes: 2 ** 22, rollover: 0 as const },
  ...{ retries: 5, idleMs: 60_000, minTimeoutMs: 500, maxTimeoutMs: 3000 },
};
const large = seeded(3).bytes(400_000);
const files: Record<string, Uint8Array> = { hello: Buffer.from('hello'), other: Buffer.from('other'), large };
const plain: ListenSettings = { singlePort: false, transferPorts: undefined };
const singlePort: ListenSettings = { ...plain, singlePort: true };

function info(address: string, rest: Partial<NetworkInterfaceInfo> = {}): NetworkInterfaceInfo {
  const family = address.includes(':') ? 'IPv6' : 'IPv4';
  const base = { address, netmask: '255.0.0.0', mac: '00:00:00:00:00:00', internal: true, cidr: null };
  return { ...base, family, ...(family === 'IPv6' ? { scopeid: 0 } : {}), ...rest } as NetworkInterfaceInfo;
}

const loopback: Interfaces = { lo: [info('127.0.0.1'), info('127.0.0.2')], lo6: [info('::1')] };

/** A transport that serves `files`. */
function transportOver(interfaces: () => Interfaces = () => loopback, clock: Clock = systemClock, answers = limits) {
  const service = new MemoryService(answers, (name) => files[name]);
  const { endings, moved, faults, unanswered } = service;
  const stats = new Stats();
  const options = { events: service.events, limits, clock, interfaces };
  const transport: Transport =
    underTest === 'native'
      ? new NativeTransport({ ...options, stats, budget: new CacheBudget(2 ** 20) })
      : new PortableTransport({ ...options, counters: stats, random: Math.random });
  onTestFinished(async () => {
    await transport.close({ code: 0, message: 'end of test' });
    expect(faults).toEqual([]);
  });
  const listen = (on: ListenOn, settings = plain) => transport.listen(on, settings);
  return { transport, listen, endings, moved, unanswered, stats, service };
}

async function expectFree(...addresses: { address: string; port: number }[]): Promise<void> {
  for (const { address, port } of addresses) {
    await using peer = await Peer.open(address, port);
    expect(peer.port).toBe(port);
  }
}

/** Reads the first block of `large` and leaves the rest for later. */
async function begin(to: { address: string; port: number }, from?: string) {
  const peer = await Peer.open(from);
  peer.send(to, rrq('large', 'octet', { blksize: 8192 }));
  const { from: tid } = await peer.reply();
  peer.send(tid, ack(0));
  await peer.find(isData(1));
  return { peer, tid };
}

async function finish({ peer, tid }: Awaited<ReturnType<typeof begin>>): Promise<void> {
  const last = Math.floor(large.length / 8192) + 1;
  for (let block = 1; block <= last; ) {
    peer.send(tid, ack(block));
    if (block === last) break;
    const reply = await peer.reply();
    if (reply.kind === 'error') throw new Error(reply.message);
    if (reply.kind === 'data' && reply.block === block + 1) block++;
  }
  await peer[Symbol.asyncDispose]();
}

describe('the reply comes from the address asked', () => {
  test.each([
    ['transfers on ports of their own', plain],
    ['single-port mode', singlePort],
  ])('%s', async (_what, settings) => {
    const { listen } = transportOver();
    const port = await freePort();
    const { addresses } = await listen({ address: '0.0.0.0', port }, settings);
    expect(addresses).toEqual([
      { address: '127.0.0.1', port },
      { address: '127.0.0.2', port },
    ]);
    // From either client address: the kernel would choose the client's own for a reply of its choice.
    for (const local of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
      for (const address of ['127.0.0.1', '127.0.0.2']) {
        for (const name of ['hello', 'absent']) {
          const { from, error, bytes } = await get({ address, port }, name, { local });
          expect(from.address).toBe(address);
          expect(from.port === port).toBe(settings.singlePort);
          expect(error?.code ?? bytes.toString()).toBe(name === 'hello' ? 'hello' : 1);
        }
      }
    }
  });

  test('a broadcast is answered from the unicast address', async () => {
    const { listen, service } = transportOver(() => ({ lab: [info('127.0.0.1', { internal: false })] }));
    const port = await freePort();
    const { addresses } = await listen({ interface: 'lab', port });
    expect(addresses).toEqual([{ address: '127.0.0.1', port }]);
    const socket = createSocket('udp4');
    onTestFinished(() => void socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setBroadcast(true);
    socket.send(rrq('hello'), port, '127.255.255.255');
    const [bytes, sender] = await once(socket, 'message', { signal: AbortSignal.timeout(3000) });
    expect((bytes as Buffer).subarray(4).toString()).toBe('hello');
    expect(sender).toMatchObject({ address: '127.0.0.1' });
    // Templates name the server by it.
    expect(service.locals).toEqual(['127.0.0.1']);
    socket.send(ack(1), (sender as { port: number }).port, '127.0.0.1');
  });
});

test.skipIf(!requireIpv6().met)('IPv6, and IPv4 beside it on the same port', async () => {
  const { listen } = transportOver();
  const port = await freePort();
  const six = await listen({ address: '::', port });
  const four = await listen({ address: '0.0.0.0', port });
  expect(six.addresses).toEqual([{ address: '::1', port }]);
  expect(four.addresses).toHaveLength(2);
  const got = await get({ address: '::1', port }, 'large', { options: { blksize: 1400, windowsize: 8 } });
  expect(got.bytes.equals(large)).toBe(true);
  expect(got.from.address).toBe('::1');
  expect((await get({ address: '127.0.0.1', port }, 'hello')).bytes.toString()).toBe('hello');
});

describe('one client port, two requests', () => {
  test('in single-port mode the new one takes the place of the old one at once', async () => {
    const { listen, endings } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 }, singlePort);
    const { peer, tid } = await begin(addresses[0]!);
    expect(tid).toEqual(addresses[0]);
    peer.send(tid, rrq('other'));
    await until(() => endings.length === 1, 'end of the first');
    expect(endings[0]).toMatchObject({ outcome: 'aborted' });
    for (let reply = await peer.reply(); ; reply = await peer.reply()) {
      expect(reply).toMatchObject({ kind: 'data', from: tid });
      if (reply.kind === 'data' && reply.payload.toString() === 'other') break;
    }
    peer.send(tid, ack(1));
    await until(() => endings.length === 2, 'end of the second');
    expect(endings[1]).toMatchObject({ outcome: 'completed' });
    // And again, after an end.
    peer.send(tid, rrq('hello'));
    expect(await peer.reply()).toMatchObject({ kind: 'data', payload: Buffer.from('hello') });
    peer.send(tid, ack(1));
    await until(() => endings.length === 3, 'end of the third');
    await peer[Symbol.asyncDispose]();
  });

  test('else the old one goes on until the client goes on with the new one', async () => {
    const { listen, endings } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
    const { peer, tid } = await begin(addresses[0]!);
    peer.send(addresses[0]!, rrq('other'));
    const second = await peer.reply();
    expect(second).toMatchObject({ kind: 'data', block: 1, payload: Buffer.from('other') });
    expect(second.from.port).not.toBe(tid.port);
    peer.send(tid, ack(1));
    expect(await peer.find(isData(2))).toMatchObject({ from: tid });
    expect(endings).toEqual([]);
    peer.send(second.from, ack(1));
    await until(() => endings.length === 2, 'both ends');
    expect(endings.map(({ outcome }) => outcome).sort()).toEqual(['aborted', 'completed']);
    await peer[Symbol.asyncDispose]();
  });

  test('the next transfers of a client port come from other ports of the server', async () => {
    const { listen, endings } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
    await using peer = await Peer.open();
    const ports: number[] = [];
    for (let i = 1; i <= 3; i++) {
      peer.send(addresses[0]!, rrq(i % 2 ? 'hello' : 'other'));
      const { from } = await peer.reply();
      ports.push(from.port);
      peer.send(from, ack(1));
      await until(() => endings.length === i, 'end');
    }
    expect(new Set(ports).size).toBe(3);
  });
});

describe('ports of transfers', () => {
  test('lie in the range', async () => {
    const from = await rangeOf(3);
    const { listen } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 }, { ...plain, transferPorts: { from, to: from + 2 } });
    const ports = new Set<number>();
    for (let i = 0; i < 12; i++) ports.add((await get(addresses[0]!, 'hello')).from.port);
    for (const port of ports) expect([from, from + 1, from + 2]).toContain(port);
    expect(ports.size).toBeGreaterThan(1);
  });

  test('are those that are free in the range', async () => {
    const from = await rangeOf(3);
    await using _taken = await Peer.open('127.0.0.1', from + 1);
    const { listen } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 }, { ...plain, transferPorts: { from, to: from + 2 } });
    for (let i = 0; i < 8; i++) expect([from, from + 2]).toContain((await get(addresses[0]!, 'hello')).from.port);
  });

  test('all taken: EADDRINUSE, and nothing left bound', async () => {
    const from = await rangeOf(2);
    await using _one = await Peer.open('127.0.0.1', from);
    await using _two = await Peer.open('127.0.0.1', from + 1);
    const port = await freePort();
    const { listen } = transportOver();
    const listening = listen({ address: '127.0.0.1', port }, { ...plain, transferPorts: { from, to: from + 1 } });
    await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expectFree({ address: '127.0.0.1', port });
  });
});

describe('listening', () => {
  test('on several addresses and ports', async () => {
    const { listen, transport } = transportOver();
    const listening = [
      await listen({ address: '127.0.0.1', port: 0 }),
      await listen({ address: '127.0.0.1', port: 0 }, singlePort),
      await listen({ address: '127.0.0.2', port: 0 }),
    ];
    for (const { addresses } of listening) {
      expect((await get(addresses[0]!, 'hello')).bytes.toString()).toBe('hello');
    }
    await transport.close({ code: 0, message: '' });
    await expectFree(...listening.flatMap(({ addresses }) => addresses));
  });

  test('on a port that is taken on one of the addresses: EADDRINUSE, and nothing left bound', async () => {
    const port = await freePort();
    const holder = await Peer.open('127.0.0.2', port);
    const { listen } = transportOver();
    await expect(listen({ address: '0.0.0.0', port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      address: '127.0.0.2',
      port,
    });
    await expectFree({ address: '127.0.0.1', port });
    await holder[Symbol.asyncDispose]();
    expect((await listen({ address: '0.0.0.0', port })).addresses).toHaveLength(2);
  });

  test('on an address that is none of this machine: EADDRNOTAVAIL', async () => {
    const { listen } = transportOver();
    await expect(listen({ address: '192.0.2.99', port: 0 })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
  });

  test('on the real interface `lo`', async () => {
    const { networkInterfaces } = await import('node:os');
    if (!networkInterfaces().lo) return;
    const { listen } = transportOver(networkInterfaces);
    const port = await freePort();
    const { addresses } = await listen({ interface: 'lo', port });
    expect(addresses).toContainEqual({ address: '127.0.0.1', port });
    for (const address of addresses) expect((await get(address, 'hello')).from.address).toBe(address.address);
  });

  test('on an interface that there is not: the error names those that there are', async () => {
    const { listen } = transportOver();
    const listening = listen({ interface: 'lab0', port: 0 });
    await expect(listening).rejects.toMatchObject({
      code: 'ENODEV',
      message: 'interface "lab0" has no address; interfaces that have one: lo, lo6',
    });
  });

  test('a failed attempt leaves no descriptor open', async () => {
    const { readdirSync } = await import('node:fs');
    const count = () => readdirSync('/proc/self/fd').length;
    if (process.platform !== 'linux') return;
    const port = await freePort();
    await using _holder = await Peer.open('127.0.0.1', port);
    const { listen } = transportOver();
    await expect(listen({ address: '127.0.0.1', port })).rejects.toThrow();
    const before = count();
    for (let i = 0; i < 20; i++) await expect(listen({ address: '127.0.0.1', port })).rejects.toThrow();
    await until(() => count() <= before + 2, 'descriptors closed');
  });
});

describe('addresses that come and go', () => {
  /** Looked at every two seconds of a clock that runs eight times as fast. */
  const clock = fastClock(8);

  test('are followed, and a transfer on one that has gone goes on', async () => {
    let interfaces: Interfaces = { lo: [info('127.0.0.1')] };
    const { listen, moved, endings } = transportOver(() => interfaces, clock);
    const port = await freePort();
    const listening = await listen({ address: '0.0.0.0', port });
    expect(listening.addresses).toEqual([{ address: '127.0.0.1', port }]);

    interfaces = { lo: [info('127.0.0.1')], lab: [info('127.0.0.2')] };
    await until(() => moved.length === 1, 'move');
    expect(moved[0]).toBe(listening);
    expect(listening.addresses.map(({ address }) => address)).toEqual(['127.0.0.1', '127.0.0.2']);
    const second = { address: '127.0.0.2', port };
    expect((await get(second, 'hello')).from.address).toBe('127.0.0.2');
    const transfer = await begin(second);

    interfaces = { lo: [info('127.0.0.1')] };
    await until(() => moved.length === 2, 'second move');
    expect(listening.addresses).toEqual([{ address: '127.0.0.1', port }]);
    await using peer = await Peer.open();
    peer.send(second, rrq('hello'));
    expect(await peer.poll(100)).toBeUndefined();
    await finish(transfer);
    await until(() => endings.some(({ bytes }) => bytes === large.length), 'end of the transfer');

    interfaces = { lo: [info('127.0.0.1')], lab: [info('127.0.0.2')] };
    await until(() => moved.length === 3, 'third move');
    expect((await get(second, 'hello')).bytes.toString()).toBe('hello');
  });

  test('one that cannot be bound yet is tried again, and said to be there when it is', async () => {
    const port = await freePort();
    let interfaces: Interfaces = { lo: [info('127.0.0.1')] };
    let looks = 0;
    const look = () => {
      looks++;
      return interfaces;
    };
    const { listen, moved } = transportOver(look, clock);
    const holder = await Peer.open('127.0.0.2', port);
    await listen({ address: '0.0.0.0', port });
    interfaces = { lo: [info('127.0.0.1'), info('127.0.0.2')] };
    const seen = looks;
    await until(() => looks > seen + 1, 'two looks');
    expect(moved).toEqual([]);
    await holder[Symbol.asyncDispose]();
    await until(() => moved.length === 1, 'move');
    expect((await get({ address: '127.0.0.2', port }, 'hello')).bytes.toString()).toBe('hello');
  });

  test('an address given as such is never let go of', async () => {
    let looks = 0;
    const look = () => {
      looks++;
      return {};
    };
    const { listen, moved } = transportOver(look, clock);
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
    const seen = looks;
    await until(() => looks > seen + 1, 'two looks');
    expect(moved).toEqual([]);
    expect((await get(addresses[0]!, 'hello')).bytes.toString()).toBe('hello');
  });
});

describe('closing', () => {
  test.each([
    ['transfers on ports of their own', plain],
    ['single-port mode', singlePort],
  ])('a listener lets its transfers finish, takes no more, and then lets go of its sockets: %s', async (_what, settings) => {
    const { listen, endings } = transportOver();
    const listening = await listen({ address: '127.0.0.1', port: 0 }, settings);
    const [address] = listening.addresses;
    const transfer = await begin(address!);
    await listening.close();
    await using other = await Peer.open();
    other.send(address!, rrq('hello'));
    expect(await other.poll(50)).toBeUndefined();
    await finish(transfer);
    await until(() => endings.length === 1, 'end');
    expect(endings[0]).toMatchObject({ outcome: 'completed', bytes: large.length });
    // The end is told first: another thread takes a moment to let go of a socket.
    for (const one of [address!, transfer.tid])
      await until(
        () =>
          expectFree(one).then(
            () => true,
            () => false,
          ),
        'a free port',
      );
  });

  test('a listener beside it goes on', async () => {
    const { listen } = transportOver();
    const one = await listen({ address: '127.0.0.1', port: 0 });
    const two = await listen({ address: '127.0.0.1', port: 0 });
    await one.close();
    expect((await get(two.addresses[0]!, 'hello')).bytes.toString()).toBe('hello');
  });

  test('the transport ends every transfer with the ERROR, and closes every socket', async () => {
    const { listen, transport, endings } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
    const { peer, tid } = await begin(addresses[0]!);
    await transport.close({ code: 0, message: 'going' });
    for (let reply = await peer.reply(); ; reply = await peer.reply()) {
      if (reply.kind === 'data') continue;
      expect(reply).toMatchObject({ kind: 'error', code: 0, message: 'going', from: tid });
      break;
    }
    expect(endings).toMatchObject([{ outcome: 'failed' }]);
    await expectFree(addresses[0]!, tid);
    await peer[Symbol.asyncDispose]();
  });
});

test('a stall of the event loop is not taken for loss', async () => {
  // Round trips take well under a millisecond, so retransmission timers are at their least: long enough for a client on a busy
  // machine, and far less than the stall.
  const { transport, listen, endings } = transportOver(undefined, undefined, { ...limits, minTimeoutMs: 1000 });
  const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
  const options = [1, 1, 2, 4, 4, 8, 16, 1].map((windowsize, i) => ({ blksize: 1000 + i, windowsize }));
  const task: ReadingTask = { server: addresses[0]!, name: 'large', options, paceMs: 2 };
  const worker = new Worker(new URL('../../kit/reader.worker.ts', import.meta.url), { workerData: task });
  onTestFinished(async () => void (await worker.terminate()));
  const posted = once(worker, 'message', { signal: AbortSignal.timeout(20_000) }) as Promise<[readonly Reading[]]>;
  const underWay = async () => (await transport.progress()).filter(({ bytes }) => bytes > 0).length === options.length;
  await until(underWay, 'transfers under way');
  // From here the event loop goes on to its timers, and looks at its sockets only after them.
  await new Promise((resolve) => setImmediate(resolve));
  const end = performance.now() + 1800;
  while (performance.now() < end);
  expect(endings.length, 'the stall must fall into the transfers').toBeLessThan(options.length);
  const [readings] = await posted;
  for (const { bytes, error, duplicates, retries } of readings) {
    expect({ error, duplicates, retries }).toEqual({ error: undefined, duplicates: 0, retries: 0 });
    expect(Buffer.from(bytes).equals(large)).toBe(true);
  }
  await until(() => endings.length === options.length, 'every end');
  expect(endings.map(({ outcome, retransmissions }) => ({ outcome, retransmissions }))).toEqual(
    options.map(() => ({ outcome: 'completed', retransmissions: 0 })),
  );
});

describe('datagrams that are none', () => {
  test('to the listening port, and to a transfer before, amid and after, harm nothing', async () => {
    const { listen, endings } = transportOver();
    const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
    const junk = [0, 1, 2, 3].map((length) => Buffer.from([0, 4, 0].slice(0, length)));
    const odd = [
      Buffer.from([0, 5]),
      Buffer.from([0, 5, 0]),
      Buffer.from([9, 9, 9, 9]),
      Buffer.alloc(60_000, 1),
      error(65535, 'x'.repeat(60_000)),
    ];
    await using stranger = await Peer.open();
    for (const bytes of [...junk, ...odd]) stranger.send(addresses[0]!, bytes);
    await using peer = await Peer.open();
    peer.send(addresses[0]!, rrq('large', 'octet', { blksize: 8192 }));
    const { from } = await peer.reply();
    for (const bytes of junk) peer.send(from, bytes);
    for (const bytes of [...junk, ...odd]) stranger.send(from, bytes);
    peer.send(from, ack(0));
    await peer.find(isData(1));
    for (const bytes of junk) peer.send(from, bytes);
    stranger.send(from, ack(1));
    await finish({ peer, tid: from });
    await until(() => endings.length === 1, 'end');
    expect(endings).toMatchObject([{ outcome: 'completed', bytes: large.length }]);
    for (const bytes of [...junk, ...odd]) stranger.send(from, bytes);
    expect((await get(addresses[0]!, 'hello')).bytes.toString()).toBe('hello');
    // A stranger's ACK is answered by ERROR 5, and nothing else is answered at all.
    for (let reply = await stranger.poll(100); reply; reply = await stranger.poll(100)) {
      expect(reply.bytes.readUInt16BE(2)).toBe(5);
    }
  });
});

/** So many ports in a row that are free on 127.0.0.1, the first of them. */
async function rangeOf(count: number): Promise<number> {
  for (let from = 21_000 + Math.floor(Math.random() * 9000); ; from += count) {
    try {
      await expectFree(...Array.from({ length: count }, (_, i) => ({ address: '127.0.0.1', port: from + i })));
      return from;
    } catch {}
  }
}

test('a flood of requests is told no faster than it is worked off, though most of it is given up', async () => {
  const { transport, listen, endings, unanswered, stats } = transportOver();
  const dropped = () => stats.snapshot().counters['drops.too-many-transfers'];
  const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
  transport.setLimits({ ...limits, unproven: 50 });
  await transport.progress();
  const peers = await Promise.all(Array.from({ length: 200 }, () => Peer.open()));
  onTestFinished(async () => void (await Promise.all(peers.map((peer) => peer[Symbol.asyncDispose]()))));
  const flood = async () => {
    for (const peer of peers) peer.send(addresses[0]!, rrq('never'));
    await until(() => endings.length >= 50, 'transfers given up');
    await until(async () => (await transport.progress()).length === 50, 'as many as may wait');
    await until(() => unanswered.length + dropped() === peers.length, 'the last of the flood');
  };
  await flood();
  expect(unanswered).toHaveLength(100);
  expect(dropped()).toBe(100);
  // Half of them have ended, and are not over before they are answered.
  for (const exchange of unanswered) exchange.refuse(0, 'too late');
  await until(() => endings.length === 100, 'every end');
  const { bytes } = await get(addresses[0]!, 'hello', { retryMs: 200 });
  expect(bytes.toString()).toBe('hello');
});

test('what comes to nothing is counted by its reason, with a client as an example', async () => {
  const { listen, stats } = transportOver();
  const { addresses } = await listen({ address: '127.0.0.1', port: 0 });
  const { peer, tid } = await begin(addresses[0]!);
  await using stranger = await Peer.open();
  stranger.send(addresses[0]!, Buffer.from('no TFTP'));
  stranger.send(addresses[0]!, ack(1));
  stranger.send(tid, ack(1));
  stranger.send(tid, error(0, 'enough'));
  stranger.send(tid, rrq('hello'));
  const drops = () => DROP_REASONS.map((reason) => [reason, stats.snapshot().counters[`drops.${reason}`]] as const);
  await until(() => drops().reduce((sum, [, count]) => sum + count, 0) === 5, 'every stray counted');
  expect(drops().filter(([, count]) => count > 0)).toEqual([
    ['malformed', 1],
    ['not-listening', 1],
    ['unknown-transfer', 3],
  ]);
  for (const [reason, count] of drops()) {
    const sample = stats.takeSample(reason);
    expect(sample).toBe(count > 0 ? peerKey(stranger.address, stranger.port) : undefined);
  }
  await finish({ peer, tid });
});
