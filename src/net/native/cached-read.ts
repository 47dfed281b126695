/**
 * Reads from the page cache only, so it never waits for a disk or another machine. If the system would have to wait or cannot
 * tell (NFS, FUSE, old kernels), nothing is read.
 */
import { Arena } from './arena.ts';
import { IOVEC } from './layout.ts';
import { addressOf, C, call } from './libc.ts';

export class CachedReader {
  readonly #arena = new Arena(IOVEC.bytes);
  readonly #vector = this.#arena.take(IOVEC.bytes);

  /** Fills `into` from `position`. Returns `false` if some bytes are not cached; the content of `into` is then undefined. */
  read(fd: number, into: Uint8Array, position: number): boolean {
    this.#arena.pointer(this.#vector.offset + IOVEC.address, addressOf(into));
    this.#arena.size(this.#vector.offset + IOVEC.length, into.length);
    return call('preadv2', fd, this.#vector.address, 1, position, C.RWF_NOWAIT) === into.length;
  }
}
