/**
 * Runs a {@link StateMachine} by system calls: one wait for all sockets (epoll), and one recvmmsg call for each batch of
 * datagrams. Allocates nothing per round or datagram.
 *
 * Waits are bounded by {@link MAX_WAIT_MS}, and the driver returns to the thread's event loop every {@link TURN_MS}: a thread
 * inside a system call cannot be terminated.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { PeerKey } from '../../base/peer.ts';
import { LATE_MS, type StateMachine } from '../state-machine.ts';
import { Arena } from './arena.ts';
import { Epoll } from './epoll.ts';
import { BATCH, INBOX_BYTES, Inbox } from './inbox.ts';

/** Maximum wait. */
export const MAX_WAIT_MS = 50;
const TURN_MS = 20;
/** Maximum batches received from one socket before the next has its turn. */
const FAIR_BATCHES = 4;
/** Maximum rounds after a late wake; each receives from up to 128 sockets. */
const MAX_CATCH_UP_ROUNDS = 64;

/** A socket that the driver reads. */
export interface EpollPort {
  readonly fd: number;
  /** Read after the other sockets of a round: it brings new work, and the others may finish some and so make room. */
  readonly takenLast: boolean;
}

export interface EpollMachine<P extends EpollPort> extends StateMachine {
  /** The bytes are valid only during the call. */
  receive(port: P, from: PeerKey, datagram: Uint8Array, now: number): void;
}

export class EpollDriver<P extends EpollPort> {
  /** The machine's time: when the last socket was read, or when a wait ended without events. */
  now = 0;
  #earliestNow = Number.POSITIVE_INFINITY;
  #machine!: EpollMachine<P>;
  readonly #epoll: Epoll;
  readonly #inbox = new Inbox(new Arena(INBOX_BYTES));
  readonly #byFd = new Map<number, P>();
  /** Ports to read last in this round. */
  readonly #last: P[] = [];
  #receiving: P | undefined;
  #catchUpRounds = 0;

  /** @param epoll a descriptor from epoll_create1, which the caller closes */
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

  /** Stops reading a socket whose descriptor stays open. */
  remove(port: P): void {
    this.#epoll.remove(port.fd);
    this.forget(port);
  }

  /** Stops reading a socket. The caller closes its descriptor, which also removes it from epoll. */
  forget(port: P): void {
    this.#byFd.delete(port.fd);
    if (this.#receiving === port) this.#receiving = undefined;
  }

  /**
   * Runs the machine until `over`. Rejects with any error that it throws.
   * @param round replaces the default round, for a machine with more inputs than sockets and deadlines
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

  /** The earliest time that the machine got since the last call; `Infinity` if none. */
  takeEarliestNow(): number {
    const earliest = this.#earliestNow;
    this.#earliestNow = Number.POSITIVE_INFINITY;
    return earliest;
  }

  /** Whole milliseconds until the machine's next deadline, at most {@link MAX_WAIT_MS}. */
  waitMs(now: number): number {
    return Math.max(0, Math.min(MAX_WAIT_MS, Math.ceil(this.#machine.nextDeadline - now)));
  }

  /** Waits up to `ms` milliseconds and receives what has arrived. Returns the number of ready descriptors; if 0, the clock was not read. */
  wait(ms: number): number {
    const ready = this.#epoll.wait(ms, this.#readable);
    for (const port of this.#last) this.#receive(port);
    this.#last.length = 0;
    return ready;
  }

  /**
   * After a wait: expires the machine's deadlines. If they are late, what has arrived is received first, round by round, so that a flood
   * delays neither what the rounds send nor, for more than {@link MAX_CATCH_UP_ROUNDS}, the deadlines.
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
    // The machine may close the port during a batch; the rest of the batch is then dropped.
    for (let i = 0; i < FAIR_BATCHES && this.#receiving !== undefined; i++) {
      if (this.#inbox.receive(port.fd, this.#take) < BATCH) break;
    }
  }

  readonly #take = (from: PeerKey, datagram: Uint8Array): void => {
    if (this.#receiving !== undefined) this.#machine.receive(this.#receiving, from, datagram, this.now);
  };
}
