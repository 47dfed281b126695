/**
 * A thread that looks after the main one: it names the plugin that the main thread has been waiting for, and ends the process when it
 * does not end by itself after a signal. It works whatever the main thread does, and so whatever a plugin, a disk or a log does.
 */
import { Worker } from 'node:worker_threads';
import type { Log } from '../../base/log.ts';
import type { Activity } from '../../plugin/activity.ts';
import { describePlace, Share } from './share.ts';
import type { ToWatchdog } from './worker.ts';

const BEAT_MS = 200;
/** The thread keeps next to nothing. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

export class Watchdog implements Activity {
  readonly #share = new Share();
  readonly #worker: Worker;
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #names = new Map<number, string>();
  readonly #loaded = Promise.withResolvers<void>();
  #turnedAt = performance.now();
  /** Where it tells, once the main thread goes on, that it stood still. Standard error has been told meanwhile. */
  log: Log | undefined;

  constructor() {
    const file = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
    this.#worker = new Worker(file, {
      name: 'watchdog',
      workerData: { buffer: this.#share.buffer },
      resourceLimits: HEAP_LIMITS,
    });
    this.#worker.once('message', () => this.#loaded.resolve());
    this.#worker.on('error', (error) =>
      this.log?.warn({ err: error }, 'the watchdog has failed: the server continues without it'),
    );
    this.#worker.on('exit', () => this.#loaded.resolve());
    this.#worker.unref();
    setInterval(() => this.#beat(), BEAT_MS).unref();
  }

  /** From now on it counts SIGTERM and SIGINT. Call it when the main thread handles them: their default is to end the process. */
  watchSignals(): void {
    this.#post({ kind: 'signals' });
  }

  /** Resolves when its thread may be ended: one that is loading koffi takes the process along. */
  async loaded(): Promise<void> {
    // It keeps no process alive, save one that waits for it.
    this.#worker.ref();
    await this.#loaded.promise;
    this.#worker.unref();
  }

  /** A signal came. Told by the main thread for where the watchdog's thread cannot hear it. */
  countSignal(): void {
    this.#share.countSignal();
  }

  /** For at most how long a stop may wait for transfers. */
  set stopMs(ms: number) {
    this.#share.stopMs = ms;
  }

  enter(plugin: string, hook: string): number {
    const before = this.#share.place;
    this.#share.place = this.#numberOf(plugin, hook);
    return before;
  }

  leave(before: number): void {
    // What ran stays readable as what ran last.
    this.#share.place = before > 0 ? before : -Math.abs(this.#share.place);
  }

  /** Work of the main thread that takes several turns, and may stand still in one of them. */
  async during<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#share.background = this.#numberOf('', name);
    try {
      return await work();
    } finally {
      this.#share.background = 0;
    }
  }

  #numberOf(plugin: string, hook: string): number {
    const hooks = this.#numbers.get(plugin) ?? new Map<string, number>();
    if (hooks.size === 0) this.#numbers.set(plugin, hooks);
    const known = hooks.get(hook);
    if (known !== undefined) return known;
    const place = this.#names.size + 1;
    hooks.set(hook, place);
    const name = plugin === '' ? hook : `plugin ${JSON.stringify(plugin)}, hook ${hook}`;
    this.#names.set(place, name);
    this.#post({ place, name });
    return place;
  }

  #post(message: ToWatchdog): void {
    this.#worker.postMessage(message);
  }

  #beat(): void {
    const now = performance.now();
    const stalled = this.#share.takeStalled();
    const where = describePlace(stalled, 0, this.#names);
    if (stalled !== 0) this.log?.warn({ ms: Math.round(now - this.#turnedAt) }, `the main thread was blocked ${where}`);
    this.#turnedAt = now;
    this.#share.beat();
  }
}
