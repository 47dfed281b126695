/**
 * Reads what the system has of a file in memory. It never waits for a disk or another machine: where the system would have to, or
 * cannot tell (NFS, FUSE, old kernels), nothing is read.
 */
import { Arena } from './arena.ts';
import { IOVEC } from './layout.ts';
import { addressOf, C, call } from './libc.ts';

export class CachedReader {
  readonly #arena = new Arena(IOVEC.bytes);
  readonly #vector = this.#arena.take(IOVEC.bytes);

  /** Fills `into` with the bytes at `position`. `false` if they are not all there; what it holds then is undefined. */
  read(fd: number, into: Uint8Array, position: number): boolean {
    this.#arena.pointer(this.#vector.offset + IOVEC.address, addressOf(into));
    this.#arena.size(this.#vector.offset + IOVEC.length, into.length);
    return call('preadv2', fd, this.#vector.address, 1, position, C.RWF_NOWAIT) === into.length;
  }
}
