/**
 * A thread of the native transport, as the main thread has it. It does not know what the thread does.
 *
 * A thread that is ended by force while it loads koffi takes the process along: Node refuses what koffi asks for, and koffi can
 * only abort (napi_throw). Later, amid foreign calls, it does not. So nobody ends a thread by force before it says that it has
 * loaded. `process.exit` ends all threads by force, so nothing is said to listen before; what remains is a program that calls it
 * while the server starts, or in the moment after the death of a thread.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import { loadLibrary } from '../../../net/native/libc.ts';

/** A thread that was asked to end has this long. */
const END_MS = 3_000;
/** Longer than any start. One that takes longer is ended all the same. */
const LOAD_MS = 10_000;

/** Of a thread's heap, for what is gone again at once, as most of what it makes is. V8's own choice grows to 48. */
const YOUNG_MIB = 6;

/** What every thread is given beside its own data. */
export interface ThreadShare {
  /** Turns to 1 when the thread has loaded. */
  readonly loaded: SharedArrayBuffer;
}

/** Called once by a thread, before anything else. */
export function begin({ loaded }: ThreadShare): void {
  loadLibrary();
  const flag = new Int32Array(loaded);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}

export class Thread {
  readonly #worker: Worker;
  readonly #loaded = new Int32Array(new SharedArrayBuffer(4));
  /** Resolves when it is no more. */
  readonly gone: Promise<void>;
  /** Resolves when it runs, or is no more. */
  readonly loaded: Promise<void>;

  /**
   * @param name of the file beside this one: TypeScript from the sources, JavaScript from the package
   * @param onExit told, perhaps twice, when it ends, whether or not it was asked to
   */
  constructor(name: string, data: object, transferList: readonly MessagePort[], onExit: (error: unknown) => void) {
    const file = new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
    const workerData = { ...data, loaded: this.#loaded.buffer };
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MIB };
    this.#worker = new Worker(file, { name, workerData, transferList: [...transferList], stdin: false, resourceLimits });
    this.#worker.on('error', onExit);
    this.#worker.on('exit', (code) => onExit(new Error(`the ${name} ended with code ${code}`)));
    this.gone = new Promise((resolve) => void this.#worker.once('exit', () => resolve()));
    this.loaded = Promise.race([this.gone, this.#hasLoaded()]);
  }

  /** Resolves when the thread, which was asked to, has ended: by itself, or in the end by force. */
  async end(): Promise<void> {
    const force = setTimeout(async () => {
      await this.loaded;
      await this.#worker.terminate();
    }, END_MS);
    await this.gone;
    clearTimeout(force);
  }

  async #hasLoaded(): Promise<void> {
    await Atomics.waitAsync(this.#loaded, 0, 0, LOAD_MS).value;
  }
}
