/**
 * A file that somebody else has opened, and will close.
 */
import { fstat, read } from 'node:fs';
import { promisify } from 'node:util';
import type { FileStat, OpenFile } from '../../content/filesystem.ts';
import { fileStat } from '../../content/node-filesystem.ts';

const statOf = promisify(fstat);
const readFrom = promisify(read);

export class BorrowedFile implements OpenFile {
  readonly fd: number;
  readonly #path: string;

  constructor(fd: number, path: string) {
    this.fd = fd;
    this.#path = path;
  }

  async stat(): Promise<FileStat> {
    return fileStat(await statOf(this.fd, { bigint: true }));
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let count = 0;
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
