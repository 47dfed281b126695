/**
 * A file that another thread has opened, and will close. A disk that hangs holds no more threads than its gate has places.
 */
import { fstat, read } from 'node:fs';
import { promisify } from 'node:util';
import type { DiskGate } from '../../../content/disk-gate.ts';
import type { FileStat, OpenFile } from '../../../content/filesystem.ts';
import { fileStat } from '../../../content/node-filesystem.ts';

/** Milliseconds that a call has before others for the file are refused. A transfer whose client has gone ends by itself. */
const LIMIT_MS = 30_000;

const statOf = promisify(fstat);
const readFrom = promisify(read);

export class BorrowedFile implements OpenFile {
  readonly fd: number;
  readonly #path: string;
  readonly #gate: DiskGate;

  constructor(fd: number, path: string, gate: DiskGate) {
    this.fd = fd;
    this.#path = path;
    this.#gate = gate;
  }

  stat(): Promise<FileStat> {
    return this.#call(async () => fileStat(await statOf(this.fd, { bigint: true })));
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#call(async () => {
      let count = 0;
      while (count < into.length) {
        const { bytesRead } = await readFrom(this.fd, into, count, into.length - count, position + count);
        if (bytesRead === 0) break;
        count += bytesRead;
      }
      return count;
    });
  }

  async realPath(): Promise<string> {
    return this.#path;
  }

  async close(): Promise<void> {}

  /** The slot that is read into, and the descriptor, are lent until the call returns. */
  #call<T>(work: () => Promise<T>): Promise<T> {
    return this.#gate.run({ path: this.#path, limitMs: LIMIT_MS, lent: true, work });
  }
}
