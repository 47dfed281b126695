/**
 * A thread that watches the main one: it names the plugin that blocks the main thread, and ends the process if it does not end by
 * itself after a signal. It works whatever blocks the main thread: a plugin, a disk or the log.
 */
import { Worker } from 'node:worker_threads';
import type { Log } from '../../base/log.ts';
import type { Activity } from '../../plugin/activity.ts';
import { describePlace, Share } from './share.ts';
import type { ToWatchdog } from './worker.ts';

const BEAT_MS = 200;
/** The thread needs little memory. */
const HEAP_LIMITS = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 16 };

export class Watchdog implements Activity {
  readonly #share = new Share();
  readonly #worker: Worker;
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #names = new Map<number, string>();
  readonly #loaded = Promise.withResolvers<void>();
  #turnedAt = performance.now();
  /** Log for reporting a stall once the main thread continues. During the stall it is reported to standard error. */
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

  /** Starts counting SIGTERM and SIGINT. Call it when the main thread handles them, because by default they end the process. */
  watchSignals(): void {
    this.#post({ kind: 'signals' });
  }

  /** Resolves when its thread may be ended; ending it while it loads koffi would crash the process. */
  async loaded(): Promise<void> {
    // It does not keep the process alive, unless the process awaits it.
    this.#worker.ref();
    await this.#loaded.promise;
    this.#worker.unref();
  }

  /** Called by the main thread for each signal, in case the watchdog's thread cannot receive it. */
  countSignal(): void {
    this.#share.countSignal();
  }

  /** Sets the maximum time that a stop may wait for transfers. */
  set stopMs(ms: number) {
    this.#share.stopMs = ms;
  }

  enter(plugin: string, hook: string): number {
    const before = this.#share.place;
    this.#share.place = this.#numberOf(plugin, hook);
    return before;
  }

  leave(before: number): void {
    // The place remains readable as the one that ran last.
    this.#share.place = before > 0 ? before : -Math.abs(this.#share.place);
  }

  /** Work of the main thread over several turns of the event loop, any of which may block. */
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
