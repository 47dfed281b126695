/**
 * The disks of folders; each folder counts as a disk of its own. They outlive a generation, so that a hanging folder does not
 * occupy more threads with each reload.
 */
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { DiskGate, ThreadBudget } from './disk-gate.ts';
import type { FileSystem } from './filesystem.ts';
import { GuardedFileSystem } from './guarded-filesystem.ts';

export interface DisksOptions {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  /** Threads of the process's pool; default {@link poolThreads}. */
  readonly threads?: number;
  readonly counters?: Counters | undefined;
  /** Called when a call to a file under the folder has exceeded its time limit. */
  onHung?(folder: string, path: string, ms: number): void;
  /** Called when every hung call to the folder has returned. */
  onRecovered?(folder: string): void;
}

export interface DiskLimits {
  /** Time limit of all calls except reads and writes, in ms. */
  readonly callMs: number;
  /** Time limit of reading or writing a piece of a file, in ms. */
  readonly transferMs: number;
}

/** The gates of one folder, so that lookups do not wait for reads. */
interface Gates {
  readonly names: DiskGate;
  readonly bytes: DiskGate;
}

export class Disks {
  readonly #options: DisksOptions;
  readonly #share: PoolShare;
  readonly #budget: ThreadBudget;
  readonly #gates = new Map<string, Gates>();

  constructor(options: DisksOptions) {
    this.#options = options;
    this.#share = poolShare(options.threads ?? poolThreads());
    this.#budget = new ThreadBudget(this.#share.all);
  }

  /** The file system for paths under this folder only. */
  folder(dir: string, limits: DiskLimits): FileSystem {
    let gates = this.#gates.get(dir);
    if (gates === undefined) {
      gates = { names: this.#gate(dir, this.#share.names), bytes: this.#gate(dir, this.#share.bytes) };
      this.#gates.set(dir, gates);
    }
    return new GuardedFileSystem(this.#options.fileSystem, { ...gates, ...limits });
  }

  #gate(dir: string, calls: number): DiskGate {
    const { clock, counters = NO_COUNTERS, onHung, onRecovered } = this.#options;
    return new DiskGate({
      clock,
      calls,
      callsPerPath: 2,
      budget: this.#budget,
      onHung(path, ms) {
        counters.add('disk-calls.hung');
        onHung?.(dir, path, ms);
      },
      onRecovered: () => onRecovered?.(dir),
    });
  }
}

/** Node's default (libuv). */
const DEFAULT_POOL_THREADS = 4;
const POOL_THREADS = 'pxe: pool threads';

/** Number of pool threads, which all threads of the process share. */
export function poolThreads(): number {
  return Number(getEnvironmentData(POOL_THREADS) ?? DEFAULT_POOL_THREADS);
}

/** Sets the pool size for this thread and for threads that it starts; otherwise only the process's environment contains it. */
export function setPoolThreads(threads: number | undefined): void {
  setEnvironmentData(POOL_THREADS, threads);
}

interface PoolShare {
  /** For lookups and opens under one folder. */
  readonly names: number;
  /** For reads and writes under one folder. */
  readonly bytes: number;
  /** For all folders together. */
  readonly all: number;
  /** For the content thread's reads of one device, and for all of them. */
  readonly device: number;
  readonly devices: number;
}

/**
 * Maximum pool threads that hanging disks can occupy. A sixth of the pool is left for everything else: the log, the config, lease
 * files. Node's default pool of four is too small to be divided; then one thread is left.
 */
export function poolShare(threads: number): PoolShare {
  const part = (share: number): number => Math.max(Math.min(3, threads), Math.floor(threads * share));
  return { names: part(5 / 16), bytes: part(1 / 8), all: part(10 / 16), device: part(1 / 8), devices: part(3 / 16) };
}
