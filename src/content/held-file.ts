/**
 * A file of one segment, read whole when it was opened: no descriptor stays open, and its bytes stay as they are whatever becomes of
 * the file. A caller that has all of them lets the file forget them; read once more after that, it is read from the disk again, in the
 * same version or not at all.
 */
import type { Awaitable } from '../base/awaitable.ts';
import type { HeldBytes, Loan, ServerContent } from './content.ts';

export interface HeldFileOptions {
  /** Its name under the root, for people. */
  readonly name: string;
  /** Names the version that the bytes are of. */
  readonly version: string;
  /** Not written to any more. */
  readonly bytes: Uint8Array;
  /** The same bytes; rejects with a `Refusal` if they cannot be had any more. */
  readAgain(): Promise<Uint8Array>;
  /** The file does not look at the bytes again, and has given them to no caller. */
  release(bytes: Uint8Array): void;
}

export class HeldFile implements ServerContent, HeldBytes {
  readonly rereadable = true;
  readonly size: number;
  readonly name: string;
  readonly version: string;
  readonly #options: Pick<HeldFileOptions, 'readAgain' | 'release'>;
  #bytes: Uint8Array | undefined;
  /** A caller has the bytes, for as long as it likes. */
  #given = false;

  constructor({ name, version, bytes, ...options }: HeldFileOptions) {
    this.name = name;
    this.version = version;
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#options = options;
  }

  read(offset: number, length: number): Awaitable<Uint8Array> {
    const part = (bytes: Uint8Array) => bytes.subarray(offset, offset + length);
    if (this.#bytes === undefined) return this.#options.readAgain().then(part);
    this.#given = true;
    return part(this.#bytes);
  }

  /** It has not forgotten its bytes. */
  get lends(): boolean {
    return this.#bytes !== undefined;
  }

  /** A copy of its bytes, which the file forgets; `undefined` if it has forgotten them before. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    const copy = this.#bytes && new Uint8Array(this.#bytes);
    this.forget();
    return copy;
  }

  lend(): Loan {
    return { held: this };
  }

  /** The caller has all of the bytes. */
  forget(): void {
    const bytes = this.#bytes;
    this.#bytes = undefined;
    if (bytes !== undefined && !this.#given) this.#options.release(bytes);
  }

  close(): void {
    this.forget();
  }
}
