/**
 * Looks at names under a folder, and opens files. What the kernel has in memory it tells faster than a thread wakes up, so a look is made at once,
 * on this thread, as long as looks are fast; when they were slow, threads look for a while. What lies on another machine (NFS, SMB,
 * FUSE) is never looked at at once: that may take for ever.
 */
import type { Clock } from './clock.ts';
import type { Awaitable } from './content.ts';
import type { FileStat, FileSystem, LooksAtOnce, OpenFile } from './filesystem.ts';

/** Longer than any look that needs no disk. */
const SLOW_MS = 2;
/** One slow look may be one during which somebody else had the core. Slow ones may take so much of a second. */
const SLOW_MS_A_SECOND = 20;
/** Then the next ones are left to threads for so long. */
const REST_MS = 5_000;
/** Where the folder lies is found out again after this: it may be a link. */
const ASK_AGAIN_MS = 10_000;

export class Looks {
  readonly #fileSystem: FileSystem;
  readonly #dir: string;
  readonly #clock: Clock;
  #local = false;
  #askAt = Number.NEGATIVE_INFINITY;
  #restUntil = Number.NEGATIVE_INFINITY;
  /** Milliseconds that slow looks took of this second. */
  #slow = { second: 0, ms: 0 };

  /** @param dir what is looked at lies under it, or is it */
  constructor(fileSystem: FileSystem, dir: string, clock: Clock) {
    this.#fileSystem = fileSystem;
    this.#dir = dir;
    this.#clock = clock;
  }

  /** As {@link FileSystem.stat}, but may throw at once what that rejects with, or return `undefined` where nothing is. */
  stat(path: string): Awaitable<FileStat | undefined> {
    return this.#look((by) => by.stat(path));
  }

  /** As {@link FileSystem.realPath}, but may throw at once what that rejects with. */
  realPath(path: string): Awaitable<string> {
    return this.#look((by) => by.realPath(path));
  }

  /** As {@link FileSystem.open}, but may throw at once what that rejects with. */
  open(path: string): Awaitable<OpenFile> {
    return this.#look((by) => by.open(path));
  }

  #look<T>(look: (by: FileSystem | LooksAtOnce) => Awaitable<T>): Awaitable<T> {
    const { atOnce } = this.#fileSystem;
    const begun = this.#clock.now();
    if (!atOnce || !this.#mayLookAtOnce(atOnce, begun)) return look(this.#fileSystem);
    try {
      return look(atOnce);
    } finally {
      this.#looked(begun);
    }
  }

  #mayLookAtOnce(atOnce: LooksAtOnce, now: number): boolean {
    if (now >= this.#askAt) {
      this.#askAt = now + ASK_AGAIN_MS;
      const learnt = (local: boolean): void => {
        this.#local = local;
      };
      atOnce.isLocal(this.#dir).then(learnt, () => learnt(false));
    }
    return this.#local && now >= this.#restUntil;
  }

  #looked(begun: number): void {
    const now = this.#clock.now();
    if (now - begun <= SLOW_MS) return;
    const second = Math.floor(now / 1000);
    if (second !== this.#slow.second) this.#slow = { second, ms: 0 };
    this.#slow.ms += now - begun;
    if (this.#slow.ms > SLOW_MS_A_SECOND) this.#restUntil = now + REST_MS;
  }
}
