/**
 * Limits uploads so that they leave part of the disk free. Queries the disk occasionally, and counts the bytes written in
 * between.
 */
import type { Clock } from '../base/clock.ts';
import { diskFull } from './fault.ts';
import type { FileSystem } from './filesystem.ts';

export interface FreeSpaceOptions {
  readonly dir: string;
  readonly fileSystem: Pick<FileSystem, 'space'>;
  readonly clock: Clock;
  /** Bytes to leave free; by default {@link DEFAULT_KEEP_BYTES}, or a tenth of a smaller disk. */
  readonly keepFreeBytes: number | undefined;
}

const DEFAULT_KEEP_BYTES = 1024 ** 3;
/** Other programs also write to the disk and remove files. */
const FRESH_MS = 1_000;

export class FreeSpace {
  readonly #options: FreeSpaceOptions;
  #left = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(options: FreeSpaceOptions) {
    this.#options = options;
  }

  /** Throws ERROR 3 if this many more bytes do not fit; they are not counted yet. */
  async expect(bytes: number): Promise<void> {
    await this.#refresh();
    this.#check(bytes);
  }

  /** Counts bytes that are about to be written. Throws ERROR 3 if they do not fit. */
  async take(bytes: number): Promise<void> {
    await this.#refresh();
    // Nothing is awaited in between, because other uploads use the same space.
    this.#check(bytes);
    this.#left -= bytes;
  }

  async #refresh(): Promise<void> {
    const { clock } = this.#options;
    if (clock.now() - this.#askedAt < FRESH_MS) return;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #ask(): Promise<void> {
    const { dir, fileSystem, clock, keepFreeBytes } = this.#options;
    const { freeBytes, totalBytes } = await fileSystem.space(dir);
    this.#left = freeBytes - (keepFreeBytes ?? Math.min(DEFAULT_KEEP_BYTES, totalBytes / 10));
    this.#askedAt = clock.now();
  }

  #check(bytes: number): void {
    if (bytes > this.#left)
      throw diskFull(`uploads must leave part of the disk of ${this.#options.dir} free (uploads.keepFreeBytes)`);
  }
}
