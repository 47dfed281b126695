/**
 * What a simulated server runs in: one virtual clock, a network, a file system, a log; and what the simulation keeps of it all: the
 * violations found, the counters, the hash of events. Everything comes out of one seed, and no real timer or descriptor is touched.
 *
 * Order. Whatever happens to the server's process happens by {@link World.atServer}: it may be stalled, and then timers that are due
 * come before the datagrams and file bytes that wait, as in Node. After each such event every promise is settled before the next:
 * one turn of the event loop runs the microtasks to their end, and nothing here makes real I/O that could come in between.
 */
import type { Clock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { type Link, Network } from '../kit/network.ts';
import { type Random, seeded } from '../kit/random.ts';
import { SimulatedFiles } from './files.ts';
import { Ledger } from './ledger.ts';
import { SimulatedSockets } from './sockets.ts';
import { Versions } from './versions.ts';

/** Wall time at the start. */
const EPOCH_MS = 1_700_000_000_000;
/** File bytes and datagrams that waited for a stalled process come after its timers. */
const IO_AFTER_TIMERS_MS = 0.01;

/** A log line's fields, with those of its parents. */
export interface SimulatedLog extends Log {
  readonly bindings: Readonly<Record<string, unknown>>;
}

export interface WorldOptions {
  readonly seed: number;
  readonly link: Link;
  /** Told every line of the log and every event, to print them. */
  readonly trace?: ((line: string) => void) | undefined;
}

export class World {
  readonly seed: number;
  readonly network: Network;
  readonly clock: Clock;
  readonly sockets: SimulatedSockets;
  readonly files: SimulatedFiles;
  readonly versions = new Versions();
  readonly ledger: Ledger;
  readonly log: SimulatedLog;
  /** How often what happened. */
  readonly counts = new Map<string, number>();
  readonly violations: string[] = [];
  readonly #trace: ((line: string) => void) | undefined;
  readonly #timers = new Set<object>();
  #wallOffset = 0;
  #jumps = 0;
  #stalledUntil = 0;
  /** Promises may have been settled since the last turn of the event loop. */
  #restless = true;
  #hash = 0x811c9dc5;

  constructor({ seed, link, trace }: WorldOptions) {
    this.seed = seed;
    this.#trace = trace;
    this.network = new Network({ seed, link, maxEvents: 400_000 });
    const jitter = this.random('timers');
    this.clock = {
      now: () => this.network.now,
      wallTime: () => this.wallTime,
      setTimeout: (run, ms) => this.#setTimeout(run, ms, jitter),
    };
    this.ledger = new Ledger(this);
    this.sockets = new SimulatedSockets(this);
    this.files = new SimulatedFiles(this);
    this.log = this.#makeLog({});
  }

  get now(): number {
    return this.network.now;
  }

  /** Milliseconds since the epoch, as the operating system tells; jumps. */
  get wallTime(): number {
    return EPOCH_MS + this.network.now + this.#wallOffset;
  }

  /** Which of the wall clock's leaps we are behind: stamps of before and after one are never equal. */
  get jumps(): number {
    return this.#jumps;
  }

  /** Timers that have been set, and neither run nor been cancelled. */
  get timers(): number {
    return this.#timers.size;
  }

  get hash(): string {
    return `${(this.#hash >>> 0).toString(16)}-${this.network.traceHash.toString(16)}`;
  }

  /** A stream of random numbers of its own, so that what one part draws does not change what another does. */
  random(of: string): Random {
    let state = this.seed * 0x9e3779b1;
    for (let i = 0; i < of.length; i++) state = Math.imul(state ^ of.charCodeAt(i), 0x01000193);
    return seeded(state);
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  violated(what: string): void {
    if (this.violations.length < 20) this.violations.push(`at ${this.now.toFixed(1)} ms: ${what}`);
    this.note(`VIOLATION ${what}`);
  }

  check(holds: boolean, what: () => string): void {
    if (!holds) this.violated(what());
  }

  /** An event, for the hash and the trace. */
  note(event: string): void {
    let hash = this.#hash ^ Math.round(this.now * 1000);
    for (let i = 0; i < event.length; i++) hash = Math.imul(hash ^ event.charCodeAt(i), 0x01000193);
    this.#hash = hash;
    this.#trace?.(`${this.now.toFixed(2).padStart(9)}  ${event}`);
  }

  /** Something happens to the server's process: now, or when it is no longer stalled. */
  atServer(run: () => void, what: 'timer' | 'io' = 'io'): void {
    const wait = this.#stalledUntil - this.now;
    if (wait > 1e-6) {
      this.network.after(wait + (what === 'io' ? IO_AFTER_TIMERS_MS : 0), () => this.atServer(run, what));
      return;
    }
    this.#restless = true;
    run();
  }

  /** The operating system does something for the server; resolves after that. */
  work(ms: number): Promise<void> {
    return new Promise((resolve) => void this.network.after(ms, () => this.atServer(resolve)));
  }

  /** The server's process does nothing for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.now + ms);
  }

  jumpWallClock(ms: number): void {
    this.#wallOffset += ms;
    this.#jumps++;
  }

  /** Lets time pass, and everything happen, for so long. */
  async run(ms?: number): Promise<void> {
    await this.network.runAsync(ms, async () => {
      while (this.#restless) {
        this.#restless = false;
        await new Promise<void>((turned) => setImmediate(turned));
        this.ledger.look();
      }
    });
  }

  /** A timer as Node has it: whole milliseconds, at least one, and late by a little. */
  #setTimeout(run: () => void, ms: number, jitter: Random): () => void {
    const timer = {};
    this.#timers.add(timer);
    const fire = (): void => {
      if (!this.#timers.delete(timer)) return;
      run();
    };
    const cancel = this.network.after(Math.max(1, Math.trunc(ms)) + jitter() / 2, () => this.atServer(fire, 'timer'));
    return () => {
      this.#timers.delete(timer);
      cancel();
    };
  }

  #makeLog(bindings: Readonly<Record<string, unknown>>): SimulatedLog {
    const write = (level: string) => (fields: object, message: string) => {
      const all = { ...bindings, ...fields };
      if (message === 'plugin failed') this.count(message);
      if (message === 'end failed') this.violated('an exchange was told twice that it has ended');
      this.note(`log ${level} ${message} ${JSON.stringify(all, plain)}`);
    };
    return {
      bindings,
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      child: (more) => this.#makeLog({ ...bindings, ...more }),
    };
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === 'bigint' ? String(value) : value;
}
