/**
 * A file of one segment, read whole when it was opened: no descriptor stays open, and its bytes stay as they are whatever becomes of
 * the file. A caller that has all of them lets the file forget them; read once more after that, it is read from the disk again, in the
 * same version or not at all.
 */
import type { Awaitable, Content } from './content.ts';

export class HeldFile implements Content {
  readonly size: number;
  /** Its name under the root, for people. */
  readonly name: string;
  #bytes: Uint8Array | undefined;
  readonly #readAgain: () => Promise<Uint8Array>;

  /**
   * @param bytes not written to any more
   * @param readAgain the same bytes; rejects with a `TftpError` if they cannot be had any more
   */
  constructor(name: string, bytes: Uint8Array, readAgain: () => Promise<Uint8Array>) {
    this.name = name;
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#readAgain = readAgain;
  }

  read(offset: number, length: number): Awaitable<Uint8Array> {
    const part = (bytes: Uint8Array) => bytes.subarray(offset, offset + length);
    return this.#bytes ? part(this.#bytes) : this.#readAgain().then(part);
  }

  /** The caller has all of the bytes. */
  forget(): void {
    this.#bytes = undefined;
  }

  close(): void {}
}
