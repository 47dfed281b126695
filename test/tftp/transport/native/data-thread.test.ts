/** The data thread, run by the thread of the test: what many sockets cost it, and what it does after a stall. */
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { peerKey } from '../../../../src/base/peer.ts';
import { CacheBudget } from '../../../../src/content/budget.ts';
import { Batch } from '../../../../src/net/native/batch.ts';
import { Inbox } from '../../../../src/net/native/inbox.ts';
import { C, mustCall, nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { closeSocket, openSocket } from '../../../../src/net/native/socket.ts';
import { makeFlags, Waker } from '../../../../src/net/native/wake.ts';
import { Stats } from '../../../../src/stats/stats.ts';
import { Engine } from '../../../../src/tftp/protocol/engine.ts';
import type { TransferLimits } from '../../../../src/tftp/protocol/transfer.ts';
import { Bell, bellFlag } from '../../../../src/tftp/transport/native/bell.ts';
import { DataThread } from '../../../../src/tftp/transport/native/data-thread.ts';
import { MailboxReader, MailboxWriter, mailboxMemory } from '../../../../src/tftp/transport/native/mailbox.ts';
import type { FromData, ToData } from '../../../../src/tftp/transport/native/messages.ts';
import { packToData, unpackFromData } from '../../../../src/tftp/transport/native/packing.ts';
import { heapMib } from '../../../kit/heap.ts';
import { until } from '../../../kit/lab.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from '../../../kit/limits.ts';
import { ack, isData, Peer, rrq } from '../../../kit/tftp.ts';
import { describeWith } from '../../../kit/tools.ts';

/** More than one wait reports. */
const SOCKETS = 200;
/** A batch has 100 kB. */
const MOST_BYTES = 1024 ** 2;
const TIMEOUT_MS = 200;
const LIMITS: TransferLimits = { ...TRANSFER_LIMITS, minTimeoutMs: TIMEOUT_MS, maxTimeoutMs: TIMEOUT_MS };

function bind() {
  const socket = openSocket({ address: '127.0.0.1', port: 0 });
  onTestFinished(() => closeSocket(socket.fd));
  return socket;
}

/** A data thread with one listening socket and many that it replies from. */
function start() {
  const epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
  const fd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
  onTestFinished(() => [epoll, fd].forEach(closeSocket));
  const wake = { fd, flags: makeFlags() };
  const waker = new Waker(wake);
  const [bell, fromData, toData, content] = Array.from({ length: 4 }, () => new MessageChannel()) as MessageChannel[];
  const [incoming, outgoing, flag] = [mailboxMemory(), mailboxMemory(), bellFlag()];
  const link = {
    bell: { flag, port: bell!.port2 },
    incoming: { memory: outgoing, port: toData!.port2 },
    outgoing: { memory: incoming, port: fromData!.port2 },
    content: content!.port2,
  };
  const shares = { budget: new CacheBudget(1024 ** 2).share(), stats: new Stats().share() };
  const thread = new DataThread({ limits: ENGINE_LIMITS, firstId: 1, ...shares, epoll, wake, ...link });
  const messages: FromData[] = [];
  const reader = new MailboxReader({ memory: incoming, port: fromData!.port1 });
  const ringing = new Bell({ flag, port: bell!.port1 });
  const take = () => {
    ringing.sleeping = true;
    const record = (kind: number) => void messages.push(unpackFromData(reader, kind));
    while (reader.take(record, (message) => void messages.push(message as FromData)));
  };
  ringing.onRing(take);
  take();
  const writer = new MailboxWriter({ memory: outgoing, port: toData!.port1 });
  const post = (...some: ToData[]) => {
    for (const message of some) packToData(writer, message);
    waker.wake();
  };
  const sockets = Array.from({ length: 1 + SOCKETS }, bind);
  post(...sockets.map(({ fd, address, port }, endpoint): ToData => ({ kind: 'endpoint', endpoint, fd, address, port })));
  post({ kind: 'replies', endpoint: 0, replies: sockets.map((_, endpoint) => endpoint).slice(1) });
  post({ kind: 'accepts', endpoint: 0, accepts: true });
  thread.run();
  onTestFinished(async () => {
    post({ kind: 'stop' });
    await new Promise((closed) => bell!.port1.once('close', closed));
  });
  const [listener, ...data] = sockets;
  return { listener: listener!, data, post, messages };
}

describeWith(
  'a data thread with many sockets',
  [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }],
  () => {
    test('sends from all of them by the same memory', { timeout: 30_000 }, async () => {
      const { listener, post, messages } = start();
      const refused = async (count: number) => {
        const clients = Array.from({ length: count }, bind);
        const batch = new Batch();
        for (const { fd } of clients) send(batch, fd, listener, rrq('absent'));
        const asked = () => messages.filter((one) => one.kind === 'request');
        await until(() => asked().length === count, 'requests', 10_000);
        post(...asked().map(({ id }): ToData => ({ kind: 'refuse', id, error: { code: 1, message: 'not found' } })));
        await until(() => messages.filter(({ kind }) => kind === 'end').length === count, 'ends', 10_000);
        messages.length = 0;
        heapMib();
        return process.memoryUsage().arrayBuffers;
      };
      const before = await refused(1);
      expect((await refused(2 * SOCKETS)) - before).toBeLessThan(MOST_BYTES);
    });

    test('takes after a stall what waits, before deadlines, and asks no other socket', { timeout: 30_000 }, async () => {
      const { listener, data, post, messages } = start();
      await using peer = await Peer.open();
      peer.send(listener, rrq('file'));
      const asked = await until(() => messages.find((one) => one.kind === 'request'), 'request', 10_000);
      const answer = { kind: 'read', size: 2000, first: new Uint8Array(2000), again: true } as const;
      post({ kind: 'transfer-limits', number: 1, limits: LIMITS }, { kind: 'answer', id: asked.id, answer, limitsId: 1 });
      const { from } = await peer.next(10_000);
      // So that it is sent more than one block once more.
      peer.send(from, ack(1));
      await peer.find(isData(2), 10_000);
      const asks = vi.spyOn(Inbox.prototype, 'receive');
      const received = vi.spyOn(Engine.prototype, 'receive');
      const expired = vi.spyOn(Engine.prototype, 'expire');
      onTestFinished(() => [asks, received, expired].forEach((spy) => void spy.mockRestore()));
      standStill(3 * TIMEOUT_MS);
      await peer.next(10_000);
      expect(asks.mock.calls.length, 'nothing waited').toBeLessThan(10);
      const others = data.filter(({ port }) => port !== from.port);
      const stranger = bind();
      const batch = new Batch();
      for (const to of others) send(batch, stranger.fd, to, ack(7));
      standStill(3 * TIMEOUT_MS);
      await until(() => received.mock.calls.length >= others.length, 'what waited', 10_000);
      const order = received.mock.invocationCallOrder;
      const between = expired.mock.invocationCallOrder.filter((at) => at > order[0]! && at < order.at(-1)!);
      expect(between, 'deadlines amid what waited').toEqual([]);
    });
  },
);

function send(batch: Batch, fd: number, to: { readonly address: string; readonly port: number }, datagram: Uint8Array): void {
  batch.send({ fd, segmentation: { works: true }, closed: false }, peerKey(to.address, to.port), datagram);
  batch.flush();
}

/** The data thread does, too. */
function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
