/** Peers that have gone: what ICMP says reaches the transfer that it is about, and costs nobody else a datagram. Loopback only. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/protocol/peer.ts';
import { Arena } from '../../../src/transport/native/arena.ts';
import { Batch } from '../../../src/transport/native/batch.ts';
import { INBOX_BYTES, Inbox } from '../../../src/transport/native/inbox.ts';
import { C, call, mustCall, whyNot } from '../../../src/transport/native/libc.ts';
import { Readiness } from '../../../src/transport/native/readiness.ts';
import { closeSocket, hearErrors, openSocket } from '../../../src/transport/native/socket.ts';
import { Unreachable } from '../../../src/transport/native/unreachable.ts';
import { folder, lab, until } from '../../support/lab.ts';
import { seeded } from '../../support/random.ts';
import { ack, data, get, isData, Peer, rrq, wrq } from '../../support/tftp.ts';
import { describeWith, requireIpv6 } from '../../support/tools.ts';

const native = { what: 'the native transport', met: whyNot() === undefined };
const addresses = ['127.0.0.1', ...(requireIpv6().met ? ['::1'] : [])];
const GONE = 'nobody listens at the port of the client: it has gone, or a firewall rejects';
const file = seeded(17).bytes(400_000);

function opened(address: string) {
  const socket = openSocket({ address, port: 0 });
  return { ...socket, key: peerKey(socket.address, socket.port) };
}

/** A sender as the data thread has it, and a way to look at what it is told, once. */
function sender(address: string) {
  const socket = opened(address);
  onTestFinished(() => closeSocket(socket.fd));
  hearErrors(socket);
  const epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
  onTestFinished(() => void call('close', epoll));
  const readiness = new Readiness(epoll);
  readiness.add(socket.fd);
  const events = (): boolean[] => {
    const found: boolean[] = [];
    readiness.wait(0, (_fd, failed) => void found.push(failed));
    return found;
  };
  return { ...socket, batch: new Batch(socket.fd), events };
}

function closedPort(address: string): PeerKey {
  const { fd, key } = opened(address);
  closeSocket(fd);
  return key;
}

describeWith('a socket that hears errors', [native], () => {
  test.each(addresses)('on %s tells each peer whose port is closed, once, and is quiet again', async (address) => {
    const { fd, batch, events } = sender(address);
    const gone = Array.from({ length: 40 }, () => closedPort(address));
    for (const peer of gone) batch.send(peer, ack(1));
    batch.flush();
    await until(() => events().includes(true), 'error');
    const unreachable = new Unreachable();
    const told: PeerKey[] = [];
    unreachable.receive(fd, (peer) => void told.push(peer));
    expect(told.sort()).toEqual(gone.sort());
    expect(events()).toEqual([]);
    unreachable.receive(fd, () => expect.unreachable());
  });

  test.each(addresses)('on %s loses no datagram to others, neither one that goes nor one that comes', (address) => {
    const { fd, key, batch } = sender(address);
    const receiver = opened(address);
    onTestFinished(() => closeSocket(receiver.fd));
    const back = new Batch(receiver.fd);
    const inbox = new Inbox(new Arena(INBOX_BYTES));
    const blocks = (of: number) => {
      const found: number[] = [];
      while (inbox.receive(of, (_peer, datagram) => void found.push(datagram[3]!)) > 0);
      return found;
    };
    const sent = Array.from({ length: 60 }, (_, i) => i);
    for (const i of sent) {
      back.send(key, ack(i));
      batch.send(closedPort(address), ack(255));
      // By turns, what the kernel has to tell is pending before a call and in the middle of one.
      if (i % 3 === 0) batch.flush();
      batch.send(receiver.key, ack(i));
      if (i % 2 === 0) batch.flush();
    }
    back.flush();
    batch.send(closedPort(address), ack(255));
    batch.flush();
    expect(blocks(receiver.fd)).toEqual(sent);
    expect(blocks(fd)).toEqual(sent);
  });
});

describeWith('a server whose clients go', [native], () => {
  test.each([
    ['reads, and is gone in mid-file', rrq('f', 'octet', { blksize: 512 }), ack(0)],
    ['reads, and is gone before its first ACK', rrq('f', 'octet', { blksize: 512 }), undefined],
    ['writes, and is gone in mid-file', wrq('new', 'octet', { blksize: 512 }), data(1, file.subarray(0, 512))],
  ])('%s: it is given up at once', async (_what, request, next) => {
    const at = folder();
    at.put('ROOT/f', file);
    mkdirSync(join(at.path, 'UP'));
    const { address, end } = await lab({ transport: 'native', limits: { idleMs: 60_000 }, uploads: { dir: 'UP' } }, at);
    const peer = await Peer.open();
    peer.send(address, request);
    const { from } = await peer.reply();
    if (next) peer.send(from, next);
    await peer[Symbol.asyncDispose]();
    expect(await end()).toMatchObject({ outcome: 'failed', error: { message: GONE } });
  });

  test('those that stay get every byte, and nothing twice', async () => {
    const at = folder();
    at.put('ROOT/f', file);
    const { address, ended, server } = await lab({ transport: 'native' }, at);
    const options = { blksize: 512, windowsize: 4 };
    const stay = Array.from({ length: 8 }, () => get(address, 'f', { options }));
    for (let i = 0; i < 40; i++) {
      const peer = await Peer.open();
      peer.send(address, rrq('f', 'octet', options));
      const { from } = await peer.reply();
      peer.send(from, ack(0));
      await peer.find(isData(1));
      await peer[Symbol.asyncDispose]();
    }
    for (const { bytes } of await Promise.all(stay)) expect(bytes.equals(file)).toBe(true);
    await until(() => ended.length === 48, 'end of all');
    const stayed = ended.filter(({ outcome }) => outcome === 'completed');
    expect(stayed.map(({ retransmissions }) => retransmissions)).toEqual(new Array(8).fill(0));
    const messages = ended.flatMap(({ outcome, error }) => (outcome === 'failed' ? [error?.message] : []));
    expect(messages).toEqual(new Array(40).fill(GONE));
    expect(await server.transfers()).toEqual([]);
  });
});
