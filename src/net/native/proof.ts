/**
 * Tests at start whether the native transport works here: a container's seccomp profile or a sandbox may deny its system calls
 * one by one while it allows Node's. Datagrams travel from one socket to another on loopback and back, by the same calls that
 * the data thread uses.
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
/** On loopback a datagram arrives when its send returns, or shortly afterwards. */
const WAIT_MS = 250;
/** Datagrams may get lost even on loopback. */
const ATTEMPTS = 3;
/** Consecutive blocks of one length, so that the kernel has to split a message (UDP_SEGMENT), as for any window. */
const BLOCK_BYTES = 512;
const BLOCKS = [1, 2];

/** A socket of the test. */
interface Side extends Sender {
  readonly address: string;
  readonly key: PeerKey;
}

/**
 * Describes what does not work; `undefined` if everything does. Blocks for one or two milliseconds, or for at most two seconds
 * if datagrams get lost.
 * @param calls the calls that send and receive; by default those of the data thread
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

  /** @param own called with every descriptor that is opened */
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
      // A packet filter or a loopback that is down says nothing about the native transport.
      if (!other || !plainlyPasses(one, other)) continue;
      if (this.#passes(one, other) && this.#passes(other, one)) return undefined;
      return `datagrams to itself on ${address} arrive with sendto and recv, but not with sendmmsg and recvmmsg`;
    }
    // Nothing passes on loopback, so whether the calls are allowed is all that can be tested.
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

  /** `undefined` if this family or address does not exist, which is reported when the server listens on it. */
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

  /** Whether every block arrives unchanged. */
  #passes(from: Side, to: Side): boolean {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const cutting = this.#segmentation.works;
      this.#send(from, to);
      // Segmentation may be rejected once: blocks then go one by one.
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

  /** Whether it is done in time. A signal may end a wait early, which is not a result. */
  #waitUntil(done: () => boolean, ready: (fd: number) => void): boolean {
    for (const until = performance.now() + WAIT_MS; !done(); ) {
      const left = Math.ceil(until - performance.now());
      if (left <= 0) return false;
      this.#readiness.wait(left, ready);
    }
    return true;
  }
}

/** Whether a datagram arrives by sendto and recv. */
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
