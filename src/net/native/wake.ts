/**
 * Wakes the data thread out of its wait in the kernel: an eventfd, and two flags that spare calls: one says that somebody sleeps,
 * the other that something was posted.
 *
 * The sleeper raises its flag, looks for messages once more, and only then sleeps; the waker posts its message, says so, and then
 * looks whether somebody sleeps. So one of the two always sees the other.
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

  /** Call after a message was posted that can wait: it is seen when the sleeper wakes by itself, which is soon. */
  posted(): void {
    Atomics.store(this.#flags, POSTED, 1);
  }

  /** Call after a message was posted. */
  wake(): void {
    this.posted();
    // One call wakes: the flag is lowered for it, and the sleeper may take its time.
    if (Atomics.load(this.#flags, SLEEPING) === 1 && Atomics.exchange(this.#flags, SLEEPING, 0) === 1)
      call('write', this.#fd, one, 8);
  }

  /** The sleeper's side: about to sleep, or awake. */
  set sleeping(sleeping: boolean) {
    Atomics.store(this.#flags, SLEEPING, sleeping ? 1 : 0);
  }

  /** The sleeper's side: whether something was posted that was not taken yet. */
  get isPosted(): boolean {
    return Atomics.load(this.#flags, POSTED) === 1;
  }

  /** The sleeper's side: whether something was posted since this was last asked. */
  takePosted(): boolean {
    return Atomics.exchange(this.#flags, POSTED, 0) === 1;
  }
}
