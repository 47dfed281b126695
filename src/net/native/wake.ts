/**
 * Wakes the data thread from its wait in the kernel: an eventfd, and two flags that save system calls. One flag says that the
 * thread sleeps, the other that a message was posted.
 *
 * The sleeper raises its flag, checks for messages once more, and only then sleeps. The waker posts its message, raises the
 * other flag, and then checks whether the thread sleeps. So at least one of the two sees the other.
 */
import { call } from './libc.ts';

/** Shared by all threads of a transport. */
export interface WakeShare {
  readonly fd: number;
  readonly flags: SharedArrayBuffer;
}

const SLEEPING = 0;
const POSTED = 1;

export function makeFlags(): SharedArrayBuffer {
  return new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
}

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

export class Waker {
  readonly #fd: number;
  readonly #flags: Int32Array;

  constructor({ fd, flags }: WakeShare) {
    this.#fd = fd;
    this.#flags = new Int32Array(flags);
  }

  /** Call after posting a message that can wait until the sleeper wakes by itself, which is soon. */
  posted(): void {
    Atomics.store(this.#flags, POSTED, 1);
  }

  /** Call after posting a message. */
  wake(): void {
    this.posted();
    // One system call is enough: lower the flag, so that further posts need none.
    if (Atomics.load(this.#flags, SLEEPING) === 1 && Atomics.exchange(this.#flags, SLEEPING, 0) === 1)
      call('write', this.#fd, one, 8);
  }

  /** For the sleeper: whether it is about to sleep. */
  set sleeping(sleeping: boolean) {
    Atomics.store(this.#flags, SLEEPING, sleeping ? 1 : 0);
  }

  /** For the sleeper: whether a post is still to be taken. */
  get isPosted(): boolean {
    return Atomics.load(this.#flags, POSTED) === 1;
  }

  /** For the sleeper: whether there was a post since the last call. */
  takePosted(): boolean {
    return Atomics.exchange(this.#flags, POSTED, 0) === 1;
  }
}
