/**
 * A file of a single segment, read completely when it was opened: it keeps no descriptor, and its bytes stay the same whatever
 * happens to the file. A caller that has all the bytes lets the file drop them; a later read reads the same version from the
 * disk, or fails.
 */
import type { Awaitable } from '../base/awaitable.ts';
import type { HeldBytes, Loan, ServerContent } from './content.ts';

export interface HeldFileOptions {
  /** Name relative to the root, for logs. */
  readonly name: string;
  /** Identifies the version of the bytes. */
  readonly version: string;
  /** Immutable. */
  readonly bytes: Uint8Array;
  /** Reads the same bytes again; rejects with a `Refusal` if they are no longer available. */
  readAgain(): Promise<Uint8Array>;
  /** Called when the file no longer uses the bytes and has passed them to no caller. */
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

  /** Whether it still has its bytes. */
  get lends(): boolean {
    return this.#bytes !== undefined;
  }

  /** Copies the bytes and drops them; `undefined` if they were dropped before. */
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
