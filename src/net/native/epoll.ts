/**
 * Reports which sockets are readable (epoll).
 */
import { Arena, type Region } from './arena.ts';
import { EPOLL_EVENT } from './layout.ts';
import { C, call, hotCalls, isInterrupted, mustCall, SystemError } from './libc.ts';

/** More than an address has sockets. */
const MAX_READY = 128;

export class Epoll {
  readonly #fd: number;
  readonly #arena = new Arena(MAX_READY * EPOLL_EVENT.bytes + 64);
  readonly #events: Region;
  readonly #calls = hotCalls();

  /** @param fd a descriptor from epoll_create1, which the caller closes */
  constructor(fd: number) {
    this.#fd = fd;
    this.#events = this.#arena.take(MAX_READY * EPOLL_EVENT.bytes);
  }

  /** @param edge report only new events: an eventfd then need not be read */
  add(fd: number, edge = false): void {
    mustCall('epoll_ctl', this.#fd, C.EPOLL_CTL_ADD, fd, eventFor(fd, edge));
  }

  remove(fd: number): void {
    call('epoll_ctl', this.#fd, C.EPOLL_CTL_DEL, fd, eventFor(fd));
  }

  /** Waits up to `ms` milliseconds, and calls `ready` for each readable descriptor. Returns their number. Throws a {@link SystemError}. */
  wait(ms: number, ready: (fd: number) => void): number {
    const count = this.#calls.epollWait(this.#fd, this.#events.address, MAX_READY, ms);
    if (count < 0) {
      const error = this.#calls.errno();
      // A caller that took any other error for "nothing arrived" would spin.
      if (!isInterrupted(error)) throw new SystemError('epoll_wait', error);
      return 0;
    }
    for (let i = 0; i < count; i++) {
      ready(this.#arena.words[(this.#events.offset + i * EPOLL_EVENT.bytes + EPOLL_EVENT.data) >>> 2]!);
    }
    return count;
  }
}

function eventFor(fd: number, edge = false): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(EPOLL_EVENT.bytes));
  const view = new DataView(bytes.buffer);
  view.setUint32(EPOLL_EVENT.events, edge ? C.EPOLLIN | C.EPOLLET : C.EPOLLIN, true);
  view.setInt32(EPOLL_EVENT.data, fd, true);
  return bytes;
}
