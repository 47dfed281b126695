/**
 * An open file as Content: segments of one version, from the cache where they are there. The version is the {@link VersionedFile}'s
 * business.
 */

import type { Awaitable } from '../base/awaitable.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import type { SegmentCache } from './cache.ts';
import type { Loan, ServerContent } from './content.ts';
import type { FileStat, OpenFile } from './filesystem.ts';
import type { Turns } from './turns.ts';
import { versionKey } from './version.ts';
import { VersionedFile, type VersionedFileOptions } from './versioned-file.ts';

export interface FileContentOptions extends VersionedFileOptions {
  /** Its name under the root, for people. */
  readonly name: string;
  readonly cache: SegmentCache;
  /** Segments are read from the disk in turns. */
  readonly turns?: Turns;
}

const NOTHING = new Uint8Array(0);

export class FileContent implements ServerContent {
  readonly rereadable = true;
  readonly size: number;
  readonly name: string;
  readonly version: FileStat;
  readonly #open: OpenFile;
  readonly #path: string;
  readonly #file: VersionedFile;
  readonly #cache: SegmentCache;
  readonly #turns: Turns | undefined;
  readonly #key: string;

  constructor(options: FileContentOptions) {
    const { file, version, name, path, cache, turns } = options;
    this.size = version.size;
    this.name = name;
    this.version = version;
    this.#open = file;
    this.#path = path;
    this.#file = new VersionedFile(options);
    this.#cache = cache;
    this.#turns = turns;
    this.#key = versionKey(version);
  }

  /** At once if the cache has the bytes. Throws a `Refusal` if they cannot be had in the version that was opened. */
  read(offset: number, length: number): Awaitable<Uint8Array> {
    const end = Math.min(offset + length, this.size);
    if (end <= offset) return NOTHING;
    const index = Math.floor(offset / SEGMENT_BYTES);
    const start = index * SEGMENT_BYTES;
    if (end > start + SEGMENT_BYTES) return this.#join(offset, end);
    const segment = this.#segment(index);
    if (segment instanceof Uint8Array) return segment.subarray(offset - start, end - start);
    return segment.then((bytes) => bytes.subarray(offset - start, end - start));
  }

  /** It has a descriptor that another thread can read by, and something to read. */
  get lends(): boolean {
    return this.size > 0 && this.#open.fd !== undefined;
  }

  lend(): Loan | undefined {
    const { fd } = this.#open;
    return fd === undefined ? undefined : { file: { fd, version: this.version, path: this.#path } };
  }

  /** Throws a `Refusal` unless the file still holds the bytes that it was opened with. */
  verify(): Promise<void> {
    return this.#file.verify();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #segment(index: number): Awaitable<Uint8Array> {
    const position = index * SEGMENT_BYTES;
    const length = Math.min(SEGMENT_BYTES, this.size - position);
    return this.#cache.load(this.#key, index, length, (into) => this.#file.read(into, position), this.#turns);
  }

  /** A read over a border between segments. */
  async #join(offset: number, end: number): Promise<Uint8Array> {
    const joined = new Uint8Array(end - offset);
    for (let at = offset; at < end; ) {
      const border = (Math.floor(at / SEGMENT_BYTES) + 1) * SEGMENT_BYTES;
      const part = await this.read(at, Math.min(end, border) - at);
      joined.set(part, at - offset);
      at += part.length;
    }
    return joined;
  }
}
