/**
 * Wakes a thread that sleeps in its event loop: a message without content, and only if the thread sleeps.
 *
 * The sleeper raises a flag, looks at its mailbox once more, and only then sleeps; the other thread posts, and then looks at the flag.
 * So one of the two always sees the other. Whoever rings lowers the flag: a sleeper is woken once.
 */
import type { MessagePort } from 'node:worker_threads';

export interface BellShare {
  readonly flag: SharedArrayBuffer;
  readonly port: MessagePort;
}

export function bellFlag(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
}

export class Bell {
  readonly #flag: Int32Array;
  readonly #port: MessagePort;

  constructor({ flag, port }: BellShare) {
    this.#flag = new Int32Array(flag);
    this.#port = port;
  }

  /** Call it after something was posted. */
  ring(): void {
    if (Atomics.load(this.#flag, 0) === 1 && Atomics.exchange(this.#flag, 0, 0) === 1) this.#port.postMessage(undefined);
  }

  /** The sleeper's side: about to sleep, or awake. */
  set sleeping(sleeping: boolean) {
    Atomics.store(this.#flag, 0, sleeping ? 1 : 0);
  }

  /** The sleeper's side: called when the other thread has rung. */
  onRing(wake: () => void): void {
    this.#port.on('message', wake);
  }
}
