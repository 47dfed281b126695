/**
 * Whether the native transport works here, tried out at the start: a container's seccomp profile or a sandbox may deny, one by one, the
 * system calls that it needs, and allow those of Node. Datagrams go from one socket of ours to another on loopback and back, by the
 * very calls of the data thread.
 */

import { type PeerKey, peerKey } from '../../base/peer.ts';
import { Arena } from './arena.ts';
import { Batch, HEADER_BYTES, type Sender } from './batch.ts';
import { Epoll } from './epoll.ts';
import { INBOX_BYTES, Inbox } from './inbox.ts';
import { addressOf, C, call, checkAllowed, type IdleCall, mustCall, SystemError } from './libc.ts';
import { SOCKADDR_BYTES, writePeer } from './sockaddr.ts';
import { openSocket } from './socket.ts';
import { makeFlags, Waker } from './wake.ts';

const LOOPBACK = ['127.0.0.1', '::1'];
const WILDCARDS = ['0.0.0.0', '::'];
/** On loopback a datagram has come when its send returns, or little later. */
const WAIT_MS = 250;
/** A datagram may get lost, on loopback too. */
const ATTEMPTS = 3;
/** Blocks of one length that follow each other: the kernel is asked to cut them up (UDP_SEGMENT), as with any window. */
const BLOCK_BYTES = 512;
const BLOCKS = [1, 2];

/** A socket of the trial. */
interface Side extends Sender {
  readonly address: string;
  readonly key: PeerKey;
}

/**
 * What does not work, in words; `undefined` if all does. Blocks for a millisecond or two; where datagrams get lost, for two seconds at
 * most.
 * @param calls what sends and receives; by default the calls of the data thread
 */
export function proofFailure(calls: readonly IdleCall[] = ['sendmmsg', 'recvmmsg']): string | undefined {
  const opened: number[] = [];
  const own = (fd: number): number => {
    opened.push(fd);
    return fd;
  };
  try {
    return new Proof(own).failure(calls);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return `the system call ${error.syscall} fails with ${error.code}`;
  } finally {
    for (const fd of opened) call('close', fd);
  }
}

class Proof {
  readonly #own: (fd: number) => number;
  readonly #readiness: Epoll;
  readonly #wakeFd: number;
  readonly #inbox = new Inbox(new Arena(INBOX_BYTES));
  readonly #batch = new Batch();
  readonly #segmentation = { works: true };
  readonly #payload = crypto.getRandomValues(new Uint8Array(new ArrayBuffer(BLOCK_BYTES)));

  /** @param own is told of every descriptor that is opened */
  constructor(own: (fd: number) => number) {
    this.#own = own;
    this.#readiness = new Epoll(own(mustCall('epoll_create1', C.EPOLL_CLOEXEC)));
    this.#wakeFd = own(mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC));
    this.#readiness.add(this.#wakeFd, true);
  }

  failure(calls: readonly IdleCall[]): string | undefined {
    if (!this.#wakes()) return 'an eventfd does not wake epoll_wait';
    const any = this.#open(WILDCARDS[0]!) ?? this.#open(WILDCARDS[1]!);
    if (any) for (const name of calls) checkAllowed(name, any.fd);
    for (const address of LOOPBACK) {
      const one = this.#open(address);
      const other = one && this.#open(address);
      // A packet filter, or a loopback that is down, says nothing about the native transport.
      if (!other || !plainlyPasses(one, other)) continue;
      if (this.#passes(one, other) && this.#passes(other, one)) return undefined;
      return `datagrams to itself on ${address} arrive with sendto and recv, but not with sendmmsg and recvmmsg`;
    }
    // Nothing passes on loopback: that the calls are allowed is all that can be found out.
    return undefined;
  }

  #wakes(): boolean {
    const waker = new Waker({ fd: this.#wakeFd, flags: makeFlags() });
    waker.sleeping = true;
    waker.wake();
    let woken = false;
    const ready = (fd: number): void => {
      woken ||= fd === this.#wakeFd;
    };
    return this.#waitUntil(() => woken, ready);
  }

  /** `undefined` where this family, or the address, does not exist: that is told when it is listened on. */
  #open(address: string): Side | undefined {
    try {
      const { port, fd } = openSocket({ address, port: 0 });
      this.#own(fd);
      this.#readiness.add(fd);
      return { address, key: peerKey(address, port), fd, segmentation: this.#segmentation, closed: false };
    } catch (error) {
      if (error instanceof SystemError && error.syscall !== 'epoll_ctl') return undefined;
      throw error;
    }
  }

  /** Whether every block arrives, as it was sent. */
  #passes(from: Side, to: Side): boolean {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const cutting = this.#segmentation.works;
      this.#send(from, to);
      // Refused whole, as it may be once: from now on blocks go one by one.
      if (cutting && !this.#segmentation.works) continue;
      if (this.#arrives(from, to)) return true;
    }
    return false;
  }

  #send(from: Side, to: Side): void {
    const slices = { first: this.#payload, start: 0, end: BLOCK_BYTES, second: undefined, secondEnd: 0 };
    for (const block of BLOCKS) this.#batch.framed(from, to.key, block, slices);
    this.#batch.flush();
  }

  #arrives(from: Side, to: Side): boolean {
    const missing = new Set(BLOCKS);
    const take = (peer: PeerKey, datagram: Uint8Array): void => {
      const payload = datagram.subarray(HEADER_BYTES);
      if (peer === from.key && Buffer.compare(payload, this.#payload) === 0) missing.delete(datagram[3]!);
    };
    const ready = (fd: number): void => {
      if (fd === to.fd) this.#inbox.receive(fd, take);
    };
    return this.#waitUntil(() => missing.size === 0, ready);
  }

  /** Whether it is done in time. A signal ends a wait early, and is not an answer. */
  #waitUntil(done: () => boolean, ready: (fd: number) => void): boolean {
    for (const until = performance.now() + WAIT_MS; !done(); ) {
      const left = Math.ceil(until - performance.now());
      if (left <= 0) return false;
      this.#readiness.wait(left, ready);
    }
    return true;
  }
}

/** Whether a datagram arrives by the plain calls. */
function plainlyPasses(from: Side, to: Side): boolean {
  const sent = crypto.getRandomValues(new Uint8Array(new ArrayBuffer(BLOCK_BYTES)));
  const came = new Uint8Array(new ArrayBuffer(BLOCK_BYTES));
  const name = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES));
  const nameLength = writePeer(name, 0, to.key);
  if (call('sendto', from.fd, addressOf(sent), sent.length, 0, addressOf(name), nameLength) < 0) return false;
  for (const until = performance.now() + WAIT_MS; performance.now() < until; ) {
    call('recv', to.fd, came, came.length, C.MSG_DONTWAIT);
    if (Buffer.compare(came, sent) === 0) return true;
  }
  return false;
}
