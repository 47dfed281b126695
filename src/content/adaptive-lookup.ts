/**
 * Looks names up under a folder, and opens files. A cached inode is cheaper to stat synchronously than to hand to a thread, so calls are
 * made on this thread while they stay fast; after slow ones, threads make them for a while. A folder on another machine (NFS, SMB, FUSE)
 * always goes to threads: a call there may never return.
 */

import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { FileStat, FileSystem, OpenFile, SyncFileSystem } from './filesystem.ts';

/** Longer than any call that needs no disk. */
const SLOW_MS = 2;
/** One slow call may be one during which another process had the core. Slow calls may take this much of a second. */
const SLOW_MS_PER_SECOND = 20;
/** After that, threads make the calls for this long. */
const REST_MS = 5_000;
/** The folder may be a link, so where it lies is found out again after this. */
const LOCALITY_MS = 10_000;

export class AdaptiveLookup {
  readonly #fileSystem: FileSystem;
  readonly #dir: string;
  readonly #clock: Clock;
  #local = false;
  #localityDue = Number.NEGATIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Milliseconds that slow calls took of this second. */
  #slow = { second: 0, ms: 0 };

  /** @param dir every path given later lies under it, or is it */
  constructor(fileSystem: FileSystem, dir: string, clock: Clock) {
    this.#fileSystem = fileSystem;
    this.#dir = dir;
    this.#clock = clock;
  }

  /** As {@link FileSystem.stat}, but may throw synchronously what that rejects with, or return `undefined` where nothing is. */
  stat(path: string): Awaitable<FileStat | undefined> {
    return this.#call((by) => by.stat(path));
  }

  /** As {@link FileSystem.realPath}, but may throw synchronously what that rejects with. */
  realPath(path: string): Awaitable<string> {
    return this.#call((by) => by.realPath(path));
  }

  /** As {@link FileSystem.open}, but may throw synchronously what that rejects with. */
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
