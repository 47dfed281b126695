/** Threads that die amid transfers: what was under way has failed, once; nothing stays open; new requests are served. */
import type { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { CacheBudget } from '../../../../src/content/budget.ts';
import { nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { Stats } from '../../../../src/stats/stats.ts';
import { NativeTransport } from '../../../../src/tftp/transport/native/native.ts';
import { descriptors, descriptorsOf, replaceByNull, watches } from '../../../kit/descriptors.ts';
import { folder, type Lab, lab, until } from '../../../kit/lab.ts';
import { MemoryService } from '../../../kit/memory-service.ts';
import { seeded } from '../../../kit/random.ts';
import { type Address, get, Peer, rrq } from '../../../kit/tftp.ts';
import { describeWith, requireTmpfs, TMPFS } from '../../../kit/tools.ts';

const file = seeded(11).bytes(2_000_000);
const CLIENTS = 24;
/** After the first death. A thread starts within a second; this machine may be busy. */
const BOUND_MS = 15_000;

/** Every worker that is started from now on, by name. */
function workers(): Record<string, Worker> {
  const found: Record<string, Worker> = {};
  const started = (worker: Worker) => {
    found[worker.threadName ?? ''] = worker;
  };
  process.on('worker', started);
  onTestFinished(() => void process.off('worker', started));
  return found;
}

/** Slow clients, each amid its transfer when this returns; they give up when the server falls silent. */
async function storm({ address, server }: Lab): Promise<{ settled: Promise<unknown> }> {
  const pace = () => new Promise<void>((resolve) => setTimeout(resolve, 20));
  const one = () => get(address, 'file', { options: { blksize: 1400, windowsize: 4 }, pace, retryMs: 200 }).catch(() => {});
  const settled = Promise.all(Array.from({ length: CLIENTS }, one));
  const underWay = async () => (await server.exchanges()).filter(({ bytes }) => bytes > 0).length === CLIENTS;
  await until(underWay, 'transfers under way', BOUND_MS);
  return { settled };
}

async function served(address: Address): Promise<void> {
  const { bytes, error } = await get(address, 'file', { options: { blksize: 8192, windowsize: 8 }, retryMs: 2000 });
  expect(error).toBeUndefined();
  expect(bytes.equals(file)).toBe(true);
}

const needs = [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }, requireTmpfs()];

describeWith('native transport', needs, () => {
  test.each([
    ['data-worker', undefined],
    ['content-worker', TMPFS],
  ])('the %s is terminated amid a storm', { timeout: 60_000 }, async (name, parent) => {
    const found = workers();
    const lab1 = await lab({ tftp: { transport: 'native' } }, folder(parent));
    const { address, log, ended, server, put } = lab1;
    put('ROOT/file', file);
    await served(address);
    await until(() => ended.length === 1, 'end');
    const before = descriptors();
    await storm(lab1);
    await found[name]!.terminate();
    await until(() => ended.length === CLIENTS + 1, 'every end', BOUND_MS);
    expect(ended.slice(1).map(({ outcome, error }) => `${outcome}: ${error?.message}`)).toEqual(
      Array.from({ length: CLIENTS }, () => 'failed: the thread that served it has died'),
    );
    expect(new Set(ended.map(({ id }) => id)).size).toBe(CLIENTS + 1);
    await served(address);
    await until(() => ended.length === CLIENTS + 2, 'one more end');
    expect(await server.exchanges()).toEqual([]);
    await until(() => descriptors().length <= before.length, `descriptors as before: ${before}`);
    expect(descriptors()).toEqual(before);
    const faults = log.filter(({ level }) => level === 'error');
    expect(faults).toMatchObject([{ msg: 'native transport failed', err: { message: `the ${name} ended with code 1` } }]);
  });

  test('a system call fails for good: the thread ends and says which, and new ones serve', { timeout: 60_000 }, async () => {
    const before = new Set(descriptorsOf('socket:'));
    const lab1 = await lab({ tftp: { transport: 'native' } });
    const { address, log, ended, put } = lab1;
    // Those of the clients come later.
    const sockets = descriptorsOf('socket:').filter((fd) => !before.has(fd));
    put('ROOT/file', file);
    const { settled } = await storm(lab1);
    const waits = descriptorsOf('anon_inode:[eventpoll]').filter((fd) => sockets.some((socket) => watches(fd, socket)));
    expect(waits).toHaveLength(1);
    replaceByNull(waits[0]!);
    await until(() => ended.length === CLIENTS, 'every end', BOUND_MS);
    await settled;
    await served(address);
    const faults = log.filter(({ level }) => level === 'error');
    expect(faults).toMatchObject([
      { msg: 'native transport failed', err: { message: 'epoll_wait EINVAL', code: 'EINVAL', syscall: 'epoll_wait' } },
    ]);
  });

  test('an exception in the loop, then too many: its transfers fail, and in the end it listens no more', async () => {
    await using peer = await Peer.open();
    const { transport, faults, endings, address, before } = await bare();
    await served(address);
    for (let death = 1; death <= 6; death++) {
      transport.setLimits(undefined as never);
      // Answered by the thread, so it has the limits; it needs them for a request.
      await transport.progress();
      peer.send(address, rrq('file'));
      await until(() => faults.length >= death, `death ${death}`, BOUND_MS);
      if (death < 6) await served(address);
    }
    expect(faults.map(String)).toEqual([
      ...Array.from({ length: 6 }, () => expect.stringMatching(/^TypeError: .*undefined/)),
      'Error: its threads died 6 times within a minute: it will not listen again until a restart',
    ]);
    await until(() => descriptors().length <= before.length, 'every descriptor closed');
    expect(await transport.progress()).toEqual([]);
    await transport.close({ code: 0, message: 'end' });
    expect(descriptors()).toEqual(before);
    expect(endings.filter(({ outcome }) => outcome === 'completed')).toHaveLength(6);
  }, 90_000);
});

const limits = {
  ...{ transfers: 100, transfersPerClient: 100, unproven: 100, unprovenBytes: 2048, unprovenFactor: 4, waiting: 100 },
  ...{ options: 16, optionBytes: 128, blockSize: 65464, windowSize: 64, windowBytes: 2 ** 22, rollover: 0 as const },
  ...{ retries: 5, idleMs: 60_000, minTimeoutMs: 500, maxTimeoutMs: 3000 },
};

/** A native transport without a server. */
async function bare() {
  const before = descriptors();
  const service = new MemoryService(limits, () => file);
  const { faults, endings } = service;
  const fault = (error: unknown) => {
    faults.push(error);
    transport.setLimits(limits);
  };
  const transport: NativeTransport = new NativeTransport({
    events: { ...service.events, fault },
    limits,
    clock: systemClock,
    stats: new Stats(),
    budget: new CacheBudget(2 ** 20),
  });
  onTestFinished(() => transport.close({ code: 0, message: 'end of test' }));
  const { addresses } = await transport.listen({ address: '127.0.0.1', port: 0 }, { singlePort: false });
  return { transport, faults, endings, address: addresses[0]!, before };
}
