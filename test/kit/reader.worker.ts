/** Reads files in a thread of its own, so that a stall of the main thread is the server's alone. Posts what came of each. */
import { parentPort, workerData } from 'node:worker_threads';
import { type Address, get, type Options } from './tftp.ts';

/** What the worker is to do. */
export interface ReadingTask {
  readonly server: Address;
  readonly name: string;
  readonly options: readonly Options[];
  /** Milliseconds before each ACK. */
  readonly paceMs: number;
  /** Turns to 1 at the end: for a main thread that stands still until then. */
  readonly done?: SharedArrayBuffer;
}

/** What it found. */
export interface Reading {
  readonly bytes: Uint8Array;
  readonly error: string | undefined;
  readonly retries: number;
  readonly duplicates: number;
}

const { server, name, options, paceMs, done } = workerData as ReadingTask;
const pace = () => new Promise<void>((resolve) => setTimeout(() => resolve(), paceMs));
const readings = await Promise.all(
  options.map(async (asked): Promise<Reading> => {
    const { bytes, error, retries, duplicates } = await get(server, name, { options: asked, pace, retryMs: 5000 });
    return { bytes, error: error?.message, retries, duplicates };
  }),
);
parentPort?.postMessage(readings);
if (done) {
  const flag = new Int32Array(done);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
}
