/**
 * An open file of which only the version at its opening is read. After each read from the disk the metadata is checked again
 * before any byte is returned, and the reader is refused (`changed`) rather than given a mixture of two versions. It does not
 * know names or folders: its creator has confined it.
 *
 * A file replaced by rename must be served further from the old inode, yet its ctime changes, because it has lost a name. So a
 * change of only ctime, with the same size and mtime, counts as a replacement
 * - if the file has fewer names than at the last check (it was renamed over, or removed), or
 * - once, if its path now leads elsewhere (moved aside). Any other change of ctime may be a write whose mtime was set back
 *   (`rsync --inplace`, `cp -p`), which cannot be distinguished from a chmod, so it is refused. One gap remains: a program writes
 *   in place, keeps the size, sets back mtime to the nanosecond *and* removes or moves the file, all between two reads of one
 *   transfer. We know of no tool that does all of these.
 */
import { FILE_CHANGED, isMissing, readFault } from './fault.ts';
import type { FileStat, FileSystem, OpenFile } from './filesystem.ts';
import { sameButCtime, sameFile, sameVersion } from './version.ts';

export interface VersionedFileOptions {
  /** Owned by this file, which closes it. */
  readonly file: OpenFile;
  /** Metadata of the open file when it was confined. */
  readonly version: FileStat;
  /** Its real path, to check whether it is still there. */
  readonly path: string;
  readonly fileSystem: Pick<FileSystem, 'stat'>;
}

export class VersionedFile {
  readonly #options: VersionedFileOptions;
  /** Reads in progress: the descriptor outlives them, since other callers may wait for them. */
  readonly #reading = new Set<Promise<void>>();
  /** Metadata of the last successful check; differs from the version in ctime and links only. */
  #seen: FileStat;
  #moved = false;
  #closed: Promise<void> | undefined;

  constructor(options: VersionedFileOptions) {
    this.#options = options;
    this.#seen = options.version;
  }

  /** Fills `into` from `position`. Throws a `Refusal` if the opened version is no longer available. */
  async read(into: Uint8Array, position: number): Promise<void> {
    if (this.#closed !== undefined) throw readFault(new Error('read after close'));
    const reading = this.#readFromDisk(into, position);
    this.#reading.add(reading);
    try {
      await reading;
    } catch (error) {
      throw readFault(error);
    } finally {
      this.#reading.delete(reading);
    }
  }

  /** Throws a `Refusal` unless the file still is the opened version. */
  async verify(): Promise<void> {
    const now = await this.#options.file.stat();
    // Of two overlapping checks the second may end first, so compare with both.
    if (sameVersion(now, this.#seen) || sameVersion(now, this.#options.version)) return;
    if (!sameButCtime(now, this.#seen)) throw FILE_CHANGED;
    if (now.links >= this.#seen.links) {
      if (this.#moved || !(await this.#isMoved())) throw FILE_CHANGED;
      this.#moved = true;
    }
    this.#seen = now;
  }

  /** Closes after the reads in progress. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#reading).then(() => this.#options.file.close());
    return this.#closed;
  }

  async #readFromDisk(into: Uint8Array, position: number): Promise<void> {
    const count = await this.#options.file.read(into, position);
    if (count !== into.length) throw FILE_CHANGED;
    await this.verify();
  }

  async #isMoved(): Promise<boolean> {
    try {
      return !sameFile(await this.#options.fileSystem.stat(this.#options.path), this.#options.version);
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
  }
}
