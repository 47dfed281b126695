/**
 * How far a file of lines has been read, and reading on from there. What a line means is not known here.
 */
import type { FileHandle } from 'node:fs/promises';

/** Read at a time; between two pieces the event loop is free. A line that is longer is left out. */
const PIECE_BYTES = 64 * 1024;
/** Bytes that must be the same as before where reading goes on. */
const ANCHOR_BYTES = 64;

export class Progress {
  /** Of the file on disk: device and inode. */
  readonly identity: string;
  readonly #line: (line: string) => void;
  /** Where the first line begins that is not complete yet. */
  #offset = 0;
  /** The bytes just before. */
  #anchor = Buffer.alloc(0);
  /** Within a line that is too long. */
  #skipping = false;

  constructor(identity: string, line: (line: string) => void) {
    this.identity = identity;
    this.#line = line;
  }

  /** Whether a file of this size still holds what has been read of it, as far as the last bytes of that tell. */
  async fits(file: FileHandle, size: number): Promise<boolean> {
    const { length } = this.#anchor;
    if (size < this.#offset) return false;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#offset - length);
    return bytesRead === length && buffer.equals(this.#anchor);
  }

  /** Reads to the end. A last line that no line break ends stays for the next time. */
  async readOn(file: FileHandle): Promise<void> {
    const buffer = Buffer.allocUnsafe(PIECE_BYTES);
    let position = this.#offset;
    let kept = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, kept, buffer.length - kept, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const piece = buffer.subarray(0, kept + bytesRead);
      let done = this.#lines(piece);
      if (done === 0 && piece.length === buffer.length) {
        this.#skipping = true;
        done = piece.length;
      }
      if (done > 0) this.#anchor = Buffer.from(piece.subarray(Math.max(0, done - ANCHOR_BYTES), done));
      kept = piece.copyWithin(0, done).length - done;
      this.#offset = position - kept;
    }
  }

  /** @returns the bytes of complete lines */
  #lines(piece: Buffer): number {
    let start = 0;
    for (let end = piece.indexOf(lineBreak); end >= 0; end = piece.indexOf(lineBreak, start)) {
      // A string of its own: a part of a longer one would keep all of that in memory.
      if (!this.#skipping) this.#line(plain(piece.toString('latin1', start, end)));
      this.#skipping = false;
      start = end + 1;
    }
    return start;
  }
}

/** Without what Windows adds: the byte order mark of UTF-8 in front, a carriage return behind. */
export function plain(line: string): string {
  return line.slice(line.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0, line.endsWith('\r') ? -1 : undefined);
}

const lineBreak = '\n'.charCodeAt(0);
