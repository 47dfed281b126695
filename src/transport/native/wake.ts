/**
 * Wakes the data thread out of its wait in the kernel: an eventfd, and a flag that spares the call while nobody sleeps.
 *
 * The sleeper raises the flag, looks for messages once more, and only then sleeps; the waker posts its message, and then looks at
 * the flag. So one of the two always sees the other.
 */
import { call } from './libc.ts';

/** Shared by all threads of a transport. */
export interface WakeShare {
  readonly fd: number;
  readonly flag: SharedArrayBuffer;
}

const one = new Uint8Array(new BigUint64Array([1n]).buffer);

export class Waker {
  readonly #fd: number;
  readonly #flag: Int32Array;

  constructor({ fd, flag }: WakeShare) {
    this.#fd = fd;
    this.#flag = new Int32Array(flag);
  }

  /** Call after a message was posted. */
  wake(): void {
    if (Atomics.load(this.#flag, 0) === 1) call('write', this.#fd, one, 8);
  }

  /** The sleeper's side: about to sleep, or awake. */
  set sleeping(sleeping: boolean) {
    Atomics.store(this.#flag, 0, sleeping ? 1 : 0);
  }
}
