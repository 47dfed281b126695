/**
 * A part of a file in the cache folder, open: written at its end, read anywhere before it. It becomes a copy when it is whole.
 */
import type { FileHandle } from 'node:fs/promises';
import { CacheFault, CacheFull } from './fault.ts';

export interface PartOptions {
  /** Of the copy that it is to become. */
  readonly name: string;
  readonly handle: FileHandle;
  /** So many bytes are there already. */
  readonly written: number;
  /** Room is kept for so many. */
  readonly reserved: number;
  /** Keeps room for more of them, or throws `CacheFull`. */
  reserve(bytes: number): Promise<void>;
  /** Notes that so many bytes are on the disk for good. */
  checkpoint(written: number): Promise<void>;
  /** The size of the copy, if another process has had the same version whole before us and has made a copy of this very file. */
  placed(): Promise<number | undefined>;
  /** Makes a copy of it. */
  publish(size: number): Promise<void>;
  /** Room is kept no longer. */
  release(): void;
}

/** After so many bytes they are forced to the disk and noted: what a crash can cost. */
const CHECKPOINT_BYTES = 16 * 1024 ** 2;

/** Of 64 KiB each, as transfers read. */
const KEPT_READS = 32;

export class Part {
  readonly name: string;
  readonly #options: PartOptions;
  #written: number;
  #noted: number;
  #reserved: number;
  /** The last ones, by where they begin and end. */
  readonly #reads = new Map<string, Promise<Uint8Array>>();

  constructor(options: PartOptions) {
    this.name = options.name;
    this.#options = options;
    this.#written = options.written;
    this.#noted = options.written;
    this.#reserved = options.reserved;
  }

  get written(): number {
    return this.#written;
  }

  /** Throws `CacheFull` or `CacheFault`. */
  async write(bytes: Uint8Array): Promise<void> {
    // All that we would write stands there already, and a copy that is written on is taken for one that changes.
    const placed = await this.#options.placed();
    if (placed !== undefined) {
      this.#written = placed;
      return;
    }
    const end = this.#written + bytes.length;
    if (end > this.#reserved) {
      await this.#options.reserve(end + CHECKPOINT_BYTES);
      this.#reserved = end + CHECKPOINT_BYTES;
    }
    await onDisk(async () => {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#options.handle.write(bytes, at, bytes.length - at, this.#written + at)).bytesWritten;
      }
    });
    this.#written = end;
    if (end - this.#noted >= CHECKPOINT_BYTES) await this.checkpoint();
  }

  /** The bytes between two offsets; all of them must have been written. Many who read at one pace share one read. */
  read(from: number, to: number): Promise<Uint8Array> {
    const at = `${from}-${to}`;
    const known = this.#reads.get(at);
    if (known) return known;
    const read = this.#readFromDisk(from, to);
    this.#reads.set(at, read);
    read.catch(() => this.#reads.delete(at));
    for (const oldest of this.#reads.keys()) {
      if (this.#reads.size <= KEPT_READS) break;
      this.#reads.delete(oldest);
    }
    return read;
  }

  async #readFromDisk(from: number, to: number): Promise<Uint8Array> {
    // Shared memory goes to the thread that sends it without a copy.
    const bytes = new Uint8Array(new SharedArrayBuffer(to - from));
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.#options.handle.read(bytes, at, bytes.length - at, from + at);
      if (bytesRead === 0) throw new CacheFault('a file in the cache folder was truncated');
      at += bytesRead;
    }
    return bytes;
  }

  /** A download that is broken off now can be gone on with from here. */
  async checkpoint(): Promise<void> {
    if (this.#written === this.#noted) return;
    await onDisk(() => this.#options.handle.datasync());
    this.#noted = this.#written;
    await this.#options.checkpoint(this.#noted);
  }

  /** All of it has come. */
  async publish(): Promise<void> {
    if ((await this.#options.placed()) === undefined) {
      await onDisk(async () => {
        await this.#options.handle.truncate(this.#written);
        await this.#options.handle.datasync();
      });
    }
    await this.#options.publish(this.#written);
  }

  /** No more is written. */
  release(): void {
    this.#options.release();
  }

  /** No more is read. */
  async close(): Promise<void> {
    await this.#options.handle.close();
  }
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    const message = `the cache folder cannot be written: ${(error as Error).message}`;
    throw full ? new CacheFull(message, { cause: error }) : new CacheFault(message, { cause: error });
  }
}
