/**
 * One file on disk with its leases indexed by address. It reads what it has not read yet; it does not know other files, nor the
 * purpose of leases.
 */
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { detect } from './formats.ts';
import type { Lease, LeaseFormat } from './lease.ts';
import { Progress } from './progress.ts';

/** `none` while the file's content does not show it, `damaged` if it begins like a format but is incomplete. */
export type PartFormat = LeaseFormat | 'none' | 'unknown' | { readonly kind: 'damaged'; readonly name: string };

/**
 * A file that is rewritten in place may be half-written while it is younger than this. Longer than a tick of a file system's
 * clock.
 */
const SETTLED_MS = 10;
/** Attempts before such a file is used as it is, and read again at the next request. */
const ATTEMPTS = 4;
const HEAD_BYTES = 4096;
/**
 * Maximum size of a file that is parsed as a whole, because parsing blocks the thread: this much holds 100,000 leases and takes
 * half a second.
 */
const MAX_WHOLE_BYTES = 16 * 1024 ** 2;

export class LeasePart {
  readonly path: string;
  #leases = new Map<string, Lease>();
  #format: PartFormat = 'none';
  #version: string | undefined;
  #size = 0;
  /** Position in a file that grows at its end. */
  #progress: Progress | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get format(): PartFormat {
    return this.#format;
  }

  /** Unchanged while the file is unchanged; `undefined` if it is missing or may have changed since it was read. */
  get version(): string | undefined {
    return this.#version;
  }

  /** Whether the file is empty. */
  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** The last entry for each address. */
  get leases(): ReadonlyMap<string, Lease> {
    return this.#leases;
  }

  /** The last entry of the file for an address. */
  get(address: string): Lease | undefined {
    return this.#leases.get(address);
  }

  /**
   * Updates the index from the file. Calls must not overlap. If the file cannot be read, it rejects and clears the index.
   * @param given the format; `undefined` to detect it
   */
  async refresh(given: LeaseFormat | undefined): Promise<void> {
    try {
      for (let attempts = ATTEMPTS; attempts > 0; attempts--) {
        if (attempts < ATTEMPTS) await sleep(SETTLED_MS);
        if (versionOf(await stat(this.path, { bigint: true })) === this.#version) return;
        // Opening a pipe in the file's place must not block a thread.
        await using file = await open(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
        const found = await file.stat({ bigint: true });
        if (!found.isFile()) throw new Error('not a regular file');
        this.#size = Number(found.size);
        this.#version = (await this.#read(file, found, given, attempts > 1)) ? versionOf(found) : undefined;
        if (this.#version !== undefined) return;
      }
    } catch (error) {
      this.#hold(new Map(), 'none');
      this.#version = undefined;
      throw error;
    }
  }

  /**
   * @param patient whether to skip a file that may be half-written
   * @returns whether the result is valid until the file changes
   */
  async #read(file: FileHandle, found: BigIntStats, given: LeaseFormat | undefined, patient: boolean): Promise<boolean> {
    const identity = `${found.dev} ${found.ino}`;
    if (this.#progress?.identity === identity && (await this.#progress.fits(file, Number(found.size)))) {
      await this.#progress.readOn(file);
      return true;
    }
    const format = given ?? detect(await readAll(file, HEAD_BYTES));
    const leases = new Map<string, Lease>();
    const hold = (lease: Lease): void => void leases.set(lease.address, lease);
    if (typeof format === 'string') {
      this.#hold(leases, format);
      return true;
    }
    if (format.kind === 'whole') {
      if (found.size > MAX_WHOLE_BYTES) throw new Error(tooLong(format.name, found.size));
      const read = format.parse(await readAll(file, Number(found.size)));
      if (typeof read !== 'string') read.forEach(hold);
      this.#hold(leases, read === 'damaged' ? { kind: 'damaged', name: format.name } : read === 'unknown' ? read : format);
      return true;
    }
    if (!format.appended && patient && !isSettled(found)) return false;
    const progress = new Progress(identity, format.reader(hold));
    await progress.readOn(file);
    this.#hold(leases, format, format.appended ? progress : undefined);
    return format.appended || (isSettled(found) && versionOf(found) === versionOf(await file.stat({ bigint: true })));
  }

  #hold(leases: Map<string, Lease>, format: PartFormat, progress?: Progress): void {
    this.#leases = leases;
    this.#format = format;
    this.#progress = progress;
  }
}

function tooLong(format: string, bytes: bigint): string {
  return `begins like a ${format} file but has ${bytes} bytes: files over ${MAX_WHOLE_BYTES} are not read, because no such server writes files that large`;
}

function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

function isSettled({ mtimeMs }: BigIntStats): boolean {
  return Math.abs(Date.now() - Number(mtimeMs)) >= SETTLED_MS;
}

/** Reads at most `bytes` from the beginning. */
async function readAll(file: FileHandle, bytes: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(bytes);
  let length = 0;
  while (length < bytes) {
    const { bytesRead } = await file.read(buffer, length, bytes - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.toString('latin1', 0, length);
}
