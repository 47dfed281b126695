/**
 * Runs a {@link StateMachine} by system calls: one wait for all sockets (epoll), and what has come to a socket is taken by one call
 * (recvmmsg). Nothing is allocated per round or per datagram.
 *
 * Every wait is bounded by {@link MAX_WAIT_MS}, and the driver returns to the thread's event loop every {@link TURN_MS}: a thread that sits in a
 * system call cannot be ended.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { PeerKey } from '../../base/peer.ts';
import { LATE_MS, type StateMachine } from '../state-machine.ts';
import { Arena } from './arena.ts';
import { Epoll } from './epoll.ts';
import { BATCH, INBOX_BYTES, Inbox } from './inbox.ts';

/** The longest wait. */
export const MAX_WAIT_MS = 50;
const TURN_MS = 20;
/** Batches taken from one socket before the next has its turn. */
const FAIR_BATCHES = 4;
/** Rounds after a late wake, at most: each takes what has come to up to 128 sockets. */
const MAX_CATCH_UP_ROUNDS = 64;

/** A socket that the driver reads. */
export interface EpollPort {
  readonly fd: number;
  /** It brings new work: taken after the sockets that may end what is under way, and so make room. */
  readonly takenLast: boolean;
}

export interface EpollMachine<P extends EpollPort> extends StateMachine {
  /** The bytes are valid during the call only. */
  receive(port: P, from: PeerKey, datagram: Uint8Array, now: number): void;
}

export class EpollDriver<P extends EpollPort> {
  /** The time of the machine: when the last socket was read, or when a wait ended without one. */
  now = 0;
  #earliestNow = Number.POSITIVE_INFINITY;
  #machine!: EpollMachine<P>;
  readonly #epoll: Epoll;
  readonly #inbox = new Inbox(new Arena(INBOX_BYTES));
  readonly #byFd = new Map<number, P>();
  /** Those to be taken last, within one wait. */
  readonly #last: P[] = [];
  #receiving: P | undefined;
  #catchUpRounds = 0;

  /** @param epoll a descriptor of epoll_create1, which the caller closes */
  constructor(epoll: number) {
    this.#epoll = new Epoll(epoll);
  }

  /** The sockets that it reads. */
  get ports(): Iterable<P> {
    return this.#byFd.values();
  }

  add(port: P): void {
    this.#byFd.set(port.fd, port);
    this.#epoll.add(port.fd);
  }

  /** Reads the socket no more, while its descriptor stays open. */
  remove(port: P): void {
    this.#epoll.remove(port.fd);
    this.forget(port);
  }

  /** Reads the socket no more: the caller closes its descriptor, and the kernel then stops waiting for it. */
  forget(port: P): void {
    this.#byFd.delete(port.fd);
    if (this.#receiving === port) this.#receiving = undefined;
  }

  /**
   * Runs the machine until `over`. Rejects with what it throws.
   * @param round called again and again, where the machine has more than sockets and deadlines
   */
  async run(machine: EpollMachine<P>, over: () => boolean, round: () => void = this.#round): Promise<void> {
    this.#machine = machine;
    while (!over()) {
      const turnEnds = performance.now() + TURN_MS;
      do round();
      while (!over() && this.now < turnEnds);
      await setImmediate();
    }
  }

  /** Reads the clock. */
  tick(): void {
    this.now = performance.now();
    this.#earliestNow = Math.min(this.#earliestNow, this.now);
  }

  /** The oldest time that the machine was given since this was last asked; `Infinity` if it was given none. */
  takeEarliestNow(): number {
    const earliest = this.#earliestNow;
    this.#earliestNow = Number.POSITIVE_INFINITY;
    return earliest;
  }

  /** Until the machine's next deadline, in whole milliseconds, and at most {@link MAX_WAIT_MS}. */
  waitMs(now: number): number {
    return Math.max(0, Math.min(MAX_WAIT_MS, Math.ceil(this.#machine.nextDeadline - now)));
  }

  /** Waits up to `ms` milliseconds, and takes what has come. Returns how many descriptors had something; after 0 the clock has not been read. */
  wait(ms: number): number {
    const ready = this.#epoll.wait(ms, this.#readable);
    for (const port of this.#last) this.#receive(port);
    this.#last.length = 0;
    return ready;
  }

  /**
   * After a wait: lets the machine see its deadlines. When it is late, what has come meanwhile is taken first, round by round, so that a flood
   * holds up neither what the rounds send nor, for more than {@link MAX_CATCH_UP_ROUNDS}, the deadlines.
   */
  expire(): void {
    const late = this.now - this.#machine.nextDeadline > LATE_MS;
    if (late && this.#catchUpRounds < MAX_CATCH_UP_ROUNDS && this.wait(0) > 0) {
      this.#catchUpRounds++;
      return;
    }
    this.#catchUpRounds = 0;
    this.#machine.expire(this.now);
  }

  readonly #round = (): void => {
    if (this.wait(this.waitMs(performance.now())) === 0) this.tick();
    this.expire();
  };

  readonly #readable = (fd: number): void => {
    const port = this.#byFd.get(fd);
    if (port === undefined) this.tick();
    else if (port.takenLast) this.#last.push(port);
    else this.#receive(port);
  };

  #receive(port: P): void {
    this.tick();
    this.#receiving = port;
    // The machine may close the port amid a batch: the rest of it is then too late.
    for (let i = 0; i < FAIR_BATCHES && this.#receiving !== undefined; i++) {
      if (this.#inbox.receive(port.fd, this.#take) < BATCH) break;
    }
  }

  readonly #take = (from: PeerKey, datagram: Uint8Array): void => {
    if (this.#receiving !== undefined) this.#machine.receive(this.#receiving, from, datagram, this.now);
  };
}
