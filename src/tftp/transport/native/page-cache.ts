/**
 * What the system has of a file in memory, read at once: a change of threads costs more than the read. Nothing here waits for a
 * disk or another machine; where the system would have to, or cannot tell (NFS, FUSE, old kernels), there is nothing.
 */
import { fstatSync } from 'node:fs';
import { fileStat } from '../../../content/node-filesystem.ts';
import { versionKey } from '../../../content/version.ts';
import { Arena } from '../../../net/native/arena.ts';
import { IOVEC } from '../../../net/native/layout.ts';
import { addressOf, C, call } from '../../../net/native/libc.ts';

export class PageCache {
  readonly #arena = new Arena(IOVEC.bytes);
  readonly #vector = this.#arena.take(IOVEC.bytes);

  /** Fills `into` with the bytes at `position`. `false` if they are not all there, or if the file is of another version by now. */
  read(fd: number, version: string, into: Uint8Array, position: number): boolean {
    this.#arena.pointer(this.#vector.offset + IOVEC.address, addressOf(into));
    this.#arena.size(this.#vector.offset + IOVEC.length, into.length);
    const count = call('preadv2', fd, this.#vector.address, 1, position, C.RWF_NOWAIT);
    return count === into.length && isOf(version, fd);
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
