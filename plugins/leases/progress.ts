/**
 * The position up to which a file of lines has been read, and reading on from there. It does not interpret lines.
 */
import type { FileHandle } from 'node:fs/promises';

/** Bytes per read; the event loop runs between two reads. Longer lines are skipped. */
const PIECE_BYTES = 64 * 1024;
/** Bytes before the position that must be unchanged for reading to continue. */
const ANCHOR_BYTES = 64;

export class Progress {
  /** Identity of the file: device and inode. */
  readonly identity: string;
  readonly #line: (line: string) => void;
  /** Offset of the first incomplete line. */
  #offset = 0;
  /** The bytes just before it. */
  #anchor = Buffer.alloc(0);
  /** Inside a line that is too long. */
  #skipping = false;

  constructor(identity: string, line: (line: string) => void) {
    this.identity = identity;
    this.#line = line;
  }

  /** Whether a file of this size still begins with what has been read, judged by the last bytes read. */
  async fits(file: FileHandle, size: number): Promise<boolean> {
    const { length } = this.#anchor;
    if (size < this.#offset) return false;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, this.#offset - length);
    return bytesRead === length && buffer.equals(this.#anchor);
  }

  /** Reads to the end. A last line without a line break is left for the next time. */
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
      // A separate string: a slice would keep the whole longer string in memory.
      if (!this.#skipping) this.#line(plain(piece.toString('latin1', start, end)));
      this.#skipping = false;
      start = end + 1;
    }
    return start;
  }
}

/** Without a UTF-8 byte order mark at the beginning and a carriage return at the end, which Windows adds. */
export function plain(line: string): string {
  return line.slice(line.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0, line.endsWith('\r') ? -1 : undefined);
}

const lineBreak = '\n'.charCodeAt(0);
