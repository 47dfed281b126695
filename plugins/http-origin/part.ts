/**
 * An open part of a file in the cache folder: it is written at its end and read anywhere before it. When complete, it becomes a
 * copy.
 */
import type { FileHandle } from 'node:fs/promises';
import { CacheFault, CacheFull } from './fault.ts';

export interface PartOptions {
  /** Name of the future copy. */
  readonly name: string;
  readonly handle: FileHandle;
  /** Bytes that exist already. */
  readonly written: number;
  /** Bytes reserved for the part. */
  readonly reserved: number;
  /** Reserves more bytes, or throws `CacheFull`. */
  reserve(bytes: number): Promise<void>;
  /** Records how many bytes are durable on disk. */
  checkpoint(written: number): Promise<void>;
  /** The size of the copy, if another process completed the same version first and turned this file into a copy. */
  placed(): Promise<number | undefined>;
  /** Turns the part into a copy. */
  publish(size: number): Promise<void>;
  /** Releases the reservation. */
  release(): void;
}

/** Bytes between two syncs to disk, each recorded: the most that a crash can lose. */
const CHECKPOINT_BYTES = 16 * 1024 ** 2;

/** Blocks of 64 KiB, as transfers read them. */
const KEPT_READS = 32;

export class Part {
  readonly name: string;
  readonly #options: PartOptions;
  #written: number;
  #noted: number;
  #reserved: number;
  /** The most recent reads, by their start and end. */
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
    // The bytes are already there, and writing to a copy would make it look modified.
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

  /** The bytes between two offsets, which must all have been written. Transfers that read at the same pace share one read. */
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
    // Shared memory reaches the sending thread without being copied.
    const bytes = new Uint8Array(new SharedArrayBuffer(to - from));
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.#options.handle.read(bytes, at, bytes.length - at, from + at);
      if (bytesRead === 0) throw new CacheFault('a file in the cache folder was truncated');
      at += bytesRead;
    }
    return bytes;
  }

  /** A download that is aborted now can be resumed from here. */
  async checkpoint(): Promise<void> {
    if (this.#written === this.#noted) return;
    await onDisk(() => this.#options.handle.datasync());
    this.#noted = this.#written;
    await this.#options.checkpoint(this.#noted);
  }

  /** The file is complete. */
  async publish(): Promise<void> {
    if ((await this.#options.placed()) === undefined) {
      await onDisk(async () => {
        await this.#options.handle.truncate(this.#written);
        await this.#options.handle.datasync();
      });
    }
    await this.#options.publish(this.#written);
  }

  /** Ends writing. */
  release(): void {
    this.#options.release();
  }

  /** Ends reading. */
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
