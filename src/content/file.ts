/**
 * An open file as Content. All its bytes are of one version, the one it was opened at: after each read from the disk the file is
 * looked at again before a byte is released, and a transfer ends in ERROR 0 rather than mix two versions.
 * It does not know names or folders: whoever made it has confined it.
 *
 * A file replaced by rename must go on being served from the old inode, yet its ctime changes: it has lost a name. So a change
 * of ctime alone, with size and mtime as they were, is taken for a replacement
 * - if the file has fewer names than when last looked at (renamed over, or removed), or
 * - once, if its path now leads elsewhere (moved aside).
 * Any other change of ctime may be a write whose mtime was set back (`rsync --inplace`, `cp -p`), which nothing can tell from
 * a chmod: ERROR 0. The hole that remains: somebody writes in place, keeps the size, sets back mtime to the nanosecond *and*
 * removes or moves the file, all between two reads of one transfer. No tool that we know does these together.
 */
import { SEGMENT_BYTES } from '../protocol/segments.ts';
import type { SegmentCache } from './cache.ts';
import type { Awaitable, Content } from './content.ts';
import { fileChanged, isMissing, readFault } from './fault.ts';
import type { FileStat, FileSystem, OpenFile } from './filesystem.ts';
import { sameButCtime, sameFile, sameVersion, versionKey } from './version.ts';

export interface FileContentOptions {
  /** Taken over: closed by `close`. */
  readonly file: OpenFile;
  /** What the open file was when it was confined. */
  readonly version: FileStat;
  /** Its name under the root, for people. */
  readonly name: string;
  /** Its real path, to find out whether it still lies there. */
  readonly path: string;
  readonly fileSystem: FileSystem;
  readonly cache: SegmentCache;
}

/** An open file, to be read by its descriptor. Whoever hands it over keeps it open. */
export interface FileHandover {
  readonly fd: number;
  readonly version: FileStat;
  readonly path: string;
  readonly name: string;
}

const NOTHING = new Uint8Array(0);

export class FileContent implements Content {
  readonly size: number;
  readonly name: string;
  readonly version: FileStat;
  readonly #options: FileContentOptions;
  readonly #key: string;
  /** Reads from the disk under way: other transfers may wait for them, so the descriptor outlives them. */
  readonly #reading = new Set<Promise<void>>();
  /** The last look that passed; differs from `version` in ctime and links only. */
  #seen: FileStat;
  #moved = false;
  #closed: Promise<void> | undefined;

  constructor(options: FileContentOptions) {
    this.#options = options;
    this.size = options.version.size;
    this.name = options.name;
    this.version = options.version;
    this.#seen = options.version;
    this.#key = versionKey(options.version);
  }

  /** At once if the cache has the bytes. Throws ERROR 0 if they cannot be had in the version that was opened. */
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

  /** What another thread needs to read the file itself, by its descriptor; `undefined` if it has none. */
  get handover(): FileHandover | undefined {
    const { file, path } = this.#options;
    return file.fd === undefined ? undefined : { fd: file.fd, version: this.version, path, name: this.name };
  }

  /** Throws ERROR 0 unless the file still holds the bytes that it was opened with. */
  async verify(): Promise<void> {
    const now = await this.#options.file.stat();
    // The second look of two that overlap may have ended first, hence both.
    if (sameVersion(now, this.#seen) || sameVersion(now, this.version)) return;
    if (!sameButCtime(now, this.#seen)) throw fileChanged();
    if (now.links >= this.#seen.links) {
      if (this.#moved || !(await this.#isMoved())) throw fileChanged();
      this.#moved = true;
    }
    this.#seen = now;
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#reading).then(() => this.#options.file.close());
    return this.#closed;
  }

  #segment(index: number): Awaitable<Uint8Array> {
    const position = index * SEGMENT_BYTES;
    const length = Math.min(SEGMENT_BYTES, this.size - position);
    return this.#options.cache.load(this.#key, index, length, (into) => this.#fill(into, position));
  }

  async #fill(into: Uint8Array, position: number): Promise<void> {
    if (this.#closed !== undefined) throw readFault(new Error('read after close'));
    const reading = this.#readFromDisk(into, position);
    this.#reading.add(reading);
    try {
      await reading;
    } catch (error) {
      throw readFault(error);
    } finally {
      this.#reading.delete(reading);
    }
  }

  async #readFromDisk(into: Uint8Array, position: number): Promise<void> {
    const count = await this.#options.file.read(into, position);
    if (count !== into.length) throw fileChanged();
    await this.verify();
  }

  async #isMoved(): Promise<boolean> {
    try {
      return !sameFile(await this.#options.fileSystem.stat(this.#options.path), this.version);
    } catch (error) {
      if (isMissing(error)) return true;
      throw error;
    }
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
