/**
 * A file that somebody else has opened, and will close. What the system has in memory is read at once, without the two changes of
 * thread that an asynchronous read costs; what it would have to wait for is read asynchronously. So no read ever blocks this thread.
 */
import { fstat, fstatSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { FileStat, OpenFile } from '../../content/filesystem.ts';
import { fileStat } from '../../content/node-filesystem.ts';
import { Arena } from './arena.ts';
import { IOVEC } from './layout.ts';
import { addressOf, C, call } from './libc.ts';

const statOf = promisify(fstat);
const readFrom = promisify(read);

const arena = new Arena(IOVEC.bytes);
const vector = arena.take(IOVEC.bytes);

export class BorrowedFile implements OpenFile {
  readonly fd: number;
  readonly #path: string;
  /** The last read found everything in memory: a local file, whose inode is in memory, too. */
  #warm = false;

  constructor(fd: number, path: string) {
    this.fd = fd;
    this.#path = path;
  }

  async stat(): Promise<FileStat> {
    return fileStat(this.#warm ? fstatSync(this.fd, { bigint: true }) : await statOf(this.fd, { bigint: true }));
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let count = readAtOnce(this.fd, into, position);
    this.#warm = count === into.length;
    while (count < into.length) {
      const { bytesRead } = await readFrom(this.fd, into, count, into.length - count, position + count);
      if (bytesRead === 0) break;
      count += bytesRead;
    }
    return count;
  }

  async realPath(): Promise<string> {
    return this.#path;
  }

  async close(): Promise<void> {}
}

/** How many bytes there were without waiting; none where the file system cannot tell. */
function readAtOnce(fd: number, into: Uint8Array, position: number): number {
  if (into.length === 0) return 0;
  arena.pointer(vector.offset + IOVEC.address, addressOf(into));
  arena.size(vector.offset + IOVEC.length, into.length);
  return Math.max(0, call('preadv2', fd, vector.address, 1, position, C.RWF_NOWAIT));
}
