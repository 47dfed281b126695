/**
 * What the system has of a file in memory, read at once: a change of threads costs more than the read. Nothing here waits.
 */
import { fstatSync } from 'node:fs';
import { fileStat } from '../../../content/node-filesystem.ts';
import { versionKey } from '../../../content/version.ts';
import { CachedReader } from '../../../net/native/cached-read.ts';

export class PageCache {
  readonly #reader = new CachedReader();

  /** Fills `into` with the bytes at `position`. `false` if they are not all there, or if the file is of another version by now. */
  read(fd: number, version: string, into: Uint8Array, position: number): boolean {
    return this.#reader.read(fd, into, position) && isOf(version, fd);
  }
}

/** After such a read the look does not wait, either: the file is a local one, and its inode in memory. */
function isOf(version: string, fd: number): boolean {
  try {
    return versionKey(fileStat(fstatSync(fd, { bigint: true }))) === version;
  } catch {
    return false;
  }
}
