/**
 * Looks names up under a folder, and opens files. A cached inode is cheaper to stat synchronously than to hand to a thread, so calls are
 * made on this thread while they stay fast; after slow ones, threads make them for a while. A folder on another machine (NFS, SMB, FUSE)
 * always goes to threads: a call there may never return.
 */

import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { FileStat, FileSystem, OpenFile, SyncFileSystem } from './filesystem.ts';

/** Longer than any call that does not reach a disk. */
const SLOW_MS = 2;
/** A single slow call may be due to another process using the core. Slow calls may take this many ms of a second. */
const SLOW_MS_PER_SECOND = 20;
/** How long threads make the calls after that. */
const REST_MS = 5_000;
/** The folder may be a link, so its location is checked again after this time. */
const LOCALITY_MS = 10_000;

export class AdaptiveLookup {
  readonly #fileSystem: FileSystem;
  readonly #dir: string;
  readonly #clock: Clock;
  #local = false;
  #localityDue = Number.NEGATIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Duration of the slow calls in the current second. */
  #slow = { second: 0, ms: 0 };

  /** @param dir all paths passed later are this folder or below it */
  constructor(fileSystem: FileSystem, dir: string, clock: Clock) {
    this.#fileSystem = fileSystem;
    this.#dir = dir;
    this.#clock = clock;
  }

  /** Like {@link FileSystem.stat}, but may throw its errors synchronously, or return `undefined` if nothing exists. */
  stat(path: string): Awaitable<FileStat | undefined> {
    return this.#call((by) => by.stat(path));
  }

  /** Like {@link FileSystem.realPath}, but may throw its errors synchronously. */
  realPath(path: string): Awaitable<string> {
    return this.#call((by) => by.realPath(path));
  }

  /** Like {@link FileSystem.open}, but may throw its errors synchronously. */
  open(path: string): Awaitable<OpenFile> {
    return this.#call((by) => by.open(path));
  }

  #call<T>(call: (by: FileSystem | SyncFileSystem) => Awaitable<T>): Awaitable<T> {
    const { sync } = this.#fileSystem;
    const begun = this.#clock.now();
    if (!sync || !this.#mayCallSync(sync, begun)) return call(this.#fileSystem);
    try {
      return call(sync);
    } finally {
      this.#measure(begun);
    }
  }

  #mayCallSync(sync: SyncFileSystem, now: number): boolean {
    if (now >= this.#localityDue) {
      this.#localityDue = now + LOCALITY_MS;
      const learn = (local: boolean): void => {
        this.#local = local;
      };
      sync.isLocal(this.#dir).then(learn, () => learn(false));
    }
    return this.#local && now >= this.#restUntil;
  }

  #measure(begun: number): void {
    const now = this.#clock.now();
    if (now - begun <= SLOW_MS) return;
    const second = Math.floor(now / 1000);
    if (second !== this.#slow.second) this.#slow = { second, ms: 0 };
    this.#slow.ms += now - begun;
    if (this.#slow.ms > SLOW_MS_PER_SECOND) this.#restUntil = now + REST_MS;
  }
}
