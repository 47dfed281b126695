/**
 * An open file as Content: segments of one version, from the cache if possible. {@link VersionedFile} guarantees the version.
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
  /** Name relative to the root, for logs. */
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

  /** Synchronous if the bytes are cached. Throws a `Refusal` if the opened version is no longer available. */
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

  /** Whether it has a descriptor that another thread can read, and is not empty. */
  get lends(): boolean {
    return this.size > 0 && this.#open.fd !== undefined;
  }

  lend(): Loan | undefined {
    const { fd } = this.#open;
    return fd === undefined ? undefined : { file: { fd, version: this.version, path: this.#path } };
  }

  /** Throws a `Refusal` unless the file still is the opened version. */
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

  /** Reads across a segment boundary. */
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
