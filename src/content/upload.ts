/**
 * A folder for uploads. A file appears under its name only when it is complete; until then it is a hidden temporary file in the
 * same folder. It does not know the client, nor whether uploads are permitted: without an `UploadFolder` they are refused.
 */
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { isBeneath } from './confine.ts';
import type { Sink } from './content.ts';
import { type Counters, NO_COUNTERS } from './counters.ts';
import { accessViolation, codeOf, diskFull, fileExists, isMissing, writeFault } from './fault.ts';
import type { FileSystem, NewFile } from './filesystem.ts';
import { FreeSpace } from './free-space.ts';
import { findLeftovers, type Leftover } from './leftovers.ts';
import { cleanName } from './name.ts';
import { type Owners, processOwners } from './owner.ts';
import { isTemporaryName, temporaryName } from './temporary.ts';

export interface UploadOptions {
  /** Absolute; must exist. */
  readonly dir: string;
  /** Maximum bytes of one upload. */
  readonly maxBytes: number;
  /** Whether an upload may replace a file. */
  readonly overwrite: boolean;
  /** Disk space in bytes that all uploads together leave free. Default: 1 GiB, or a tenth of a smaller disk. */
  readonly keepFreeBytes?: number | undefined;
  readonly fileSystem: FileSystem;
  readonly clock?: Clock;
  /** Default: one that identifies this process. */
  readonly owners?: Owners;
  /** Also store into folders outside `dir` that a symbolic link leads to. Default false. */
  readonly followLinks?: boolean;
  readonly counters?: Counters | undefined;
}

/** What an upload needs from its folder. */
interface Context extends UploadOptions {
  readonly space: FreeSpace;
  readonly owners: Owners;
  readonly counters: Counters;
}

export class UploadFolder {
  readonly #options: Context;
  readonly #clock: Clock;

  constructor(options: UploadOptions) {
    const { dir, fileSystem, keepFreeBytes, clock = systemClock, owners = processOwners, counters = NO_COUNTERS } = options;
    this.#clock = clock;
    this.#options = { ...options, owners, counters, space: new FreeSpace({ dir, fileSystem, clock, keepFreeBytes }) };
  }

  /** Temporary files left behind by servers that have ended. Throws if the folder does not exist. */
  async leftovers(): Promise<readonly Leftover[]> {
    const { dir, fileSystem, owners } = this.#options;
    return findLeftovers(await fileSystem.realPath(dir), { fileSystem, owners, clock: this.#clock });
  }

  /** Removes them. @returns the removed files */
  async sweep(): Promise<readonly Leftover[]> {
    const removed: Leftover[] = [];
    for (const leftover of await this.leftovers()) {
      const gone = await this.#options.fileSystem.remove(leftover.path).then(
        () => true,
        () => false,
      );
      if (gone) removed.push(leftover);
    }
    return removed;
  }

  /**
   * Begins an upload. Missing folders in the name are created when it is complete, so that an aborted upload leaves nothing
   * behind. Throws a `Refusal`: `not-found` or `forbidden` for the name, `too-large` if the claim is too large or the disk too
   * full, `exists` if the file exists and may not be replaced.
   *
   * @param claimed bytes that the client says it will send; used only to refuse, never to allocate.
   */
  async open(asked: string, claimed: number | undefined): Promise<Sink> {
    const name = cleanName(asked);
    if (isTemporaryName(name)) throw accessViolation('the name is reserved for temporary files');
    if (claimed !== undefined && claimed > this.#options.maxBytes) throw diskFull();
    try {
      await this.#options.space.expect(1);
      return await this.#begin(name);
    } catch (error) {
      throw writeFault(error);
    }
  }

  async #begin(name: string): Promise<Sink> {
    const { dir, fileSystem } = this.#options;
    const base = await fileSystem.realPath(dir);
    const folders = name.split('/');
    const last = folders.pop()!;
    let folder = base;
    while (folders.length > 0) {
      const next = await this.#enter(base, folder, folders[0]!);
      if (next === undefined) break;
      folder = next;
      folders.shift();
    }
    if (folders.length === 0) await this.#checkTarget(join(folder, last));
    const temporary = join(folder, temporaryName(this.#options.owners.self));
    const file = await fileSystem.create(temporary);
    const upload = new Upload(this.#options, file, temporary, async () => {
      let parent = folder;
      for (const missing of folders) parent = await this.#make(base, parent, missing);
      return join(parent, last);
    });
    try {
      // The folder may have been replaced by a link in between. From here on the temporary file proves that it is still the
      // checked one.
      if ((await fileSystem.realPath(temporary)) !== temporary)
        throw accessViolation('its folder was replaced during the upload');
      return upload;
    } catch (error) {
      await upload.abort();
      throw error;
    }
  }

  /** The real path of a subfolder; `undefined` if it does not exist. */
  async #enter(base: string, folder: string, component: string): Promise<string | undefined> {
    const { fileSystem, followLinks } = this.#options;
    try {
      const path = await fileSystem.realPath(join(folder, component));
      if (path !== base && !isBeneath(base, path) && !followLinks) throw accessViolation('it leads out of the uploads folder');
      if ((await fileSystem.stat(path)).kind !== 'directory') throw accessViolation('part of its path is not a folder');
      return path;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #make(base: string, folder: string, component: string): Promise<string> {
    try {
      await this.#options.fileSystem.makeDirectory(join(folder, component));
    } catch (error) {
      // Another upload was faster.
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    await this.#options.fileSystem.syncDirectory(folder);
    const path = await this.#enter(base, folder, component);
    if (path === undefined) throw accessViolation('its folder was removed during the upload');
    return path;
  }

  async #checkTarget(path: string): Promise<void> {
    const { fileSystem, overwrite } = this.#options;
    try {
      const { kind } = await fileSystem.stat(path);
      if (!overwrite) throw fileExists();
      if (kind !== 'file') throw accessViolation('the target is not a regular file');
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

/** One upload. */
class Upload implements Sink {
  readonly #options: Context;
  readonly #file: NewFile;
  readonly #temporary: string;
  readonly #target: () => Promise<string>;
  #bytes = 0;
  #ended = false;

  constructor(options: Context, file: NewFile, temporary: string, target: () => Promise<string>) {
    this.#options = options;
    this.#file = file;
    this.#temporary = temporary;
    this.#target = target;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#options.maxBytes) throw diskFull();
    try {
      await this.#options.space.take(bytes.length);
      await this.#file.write(bytes);
    } catch (error) {
      throw writeFault(error);
    }
  }

  /** Leaves nothing behind if it fails. */
  async commit(): Promise<void> {
    try {
      await this.#file.finish();
      const target = await this.#target();
      await this.#place(target);
      this.#ended = true;
      this.#count('stored');
      // From here on the file survives a power loss.
      await this.#options.fileSystem.syncDirectory(dirname(target));
    } catch (error) {
      await this.abort();
      throw writeFault(error);
    }
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#count('aborted');
    // Errors cannot be reported any more, so every step is tried.
    await this.#file.close().catch(() => {});
    await this.#discard();
  }

  /** Renames the file in one step. Replaces a symbolic link of that name, and never follows it. */
  async #place(target: string): Promise<void> {
    const { fileSystem, overwrite } = this.#options;
    if (overwrite) {
      try {
        return await fileSystem.rename(this.#temporary, target);
      } catch (error) {
        throw TAKEN.has(codeOf(error) ?? '') ? accessViolation(error) : error;
      }
    }
    try {
      await fileSystem.link(this.#temporary, target);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') throw fileExists(error);
      if (!NO_LINKS.has(codeOf(error) ?? '')) throw error;
      return this.#placeWithoutLinks(target);
    }
    await this.#discard();
  }

  /**
   * FAT and some network file systems have no hard links, so an empty file, created exclusively, reserves the name for the
   * rename.
   */
  async #placeWithoutLinks(target: string): Promise<void> {
    const { fileSystem } = this.#options;
    try {
      await (await fileSystem.create(target)).close();
    } catch (error) {
      throw codeOf(error) === 'EEXIST' ? fileExists(error) : error;
    }
    try {
      await fileSystem.rename(this.#temporary, target);
    } catch (error) {
      await fileSystem.remove(target).catch(() => {});
      throw error;
    }
  }

  async #discard(): Promise<void> {
    await this.#options.fileSystem.remove(this.#temporary).catch(() => {});
  }

  #count(end: 'stored' | 'aborted'): void {
    const { counters } = this.#options;
    counters.add(`uploads.${end}`);
    counters.add(`upload-bytes.${end}`, this.#bytes);
  }
}

/** A folder of that name has appeared meanwhile. */
const TAKEN = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY']);
const NO_LINKS = new Set(['EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);
