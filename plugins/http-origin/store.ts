/**
 * The cache folder. For each URL (`key`, a hash) it may hold a complete copy and the part of a download:
 *
 *     KEY.json  KEY.VERSION-NAME        a copy, and what is known of it
 *     KEY.part.json  KEY.VERSION.part   a part, and how much of it is known to be on the disk
 *
 * It survives a crash at any point, and several processes (the server and `pxe explain`) may use it concurrently without a lock:
 * - a file is named after its version, so two processes that write at one offset write the same bytes;
 * - a copy gets its name once it is completely on disk, and its record is written after that; each by a rename;
 * - if the file of a record is missing or too short, there is no copy.
 *
 * It does not use the network and does not know clients.
 */
import { randomUUID } from 'node:crypto';
import { constants, mkdir, open, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CacheFault, CacheFull } from './fault.ts';
import { Part } from './part.ts';
import { copyFile, OURS, partFile, type Slot } from './slot.ts';
import type { Version } from './version.ts';

/** A complete file in the folder. */
export interface Copy {
  readonly version: Version;
  /** Its name in the folder. */
  readonly file: string;
  /** When the origin last confirmed this version: milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** The beginning of a file. */
export interface Beginning {
  readonly version: Version;
  /** Bytes of it that are durable on disk. */
  readonly bytes: number;
}

const versionShape = z.object({
  id: z.string().regex(/^[0-9a-f]{16}$/),
  etag: z.string().optional(),
  lastModified: z.string().optional(),
  size: z.number().int().nonnegative().optional(),
  ifRange: z.string().optional(),
});
const copyShape = z.object({ url: z.string(), version: versionShape, size: z.number(), checkedAt: z.number() });
const partShape = z.object({ url: z.string(), version: versionShape, bytes: z.number().int().positive() });

export class Store {
  readonly #dir: string;
  readonly #maxBytes: number;
  /** Parts being written, with their expected sizes. */
  readonly #reserved = new Map<string, number>();
  /**
   * Upper bound of the bytes in the folder, as known to this process; the folder is measured when the bound exceeds the limit.
   */
  #used = Number.POSITIVE_INFINITY;
  /** Serializes reservations. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param dir absolute; created on first use */
  constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** The complete copy, if there is one; its time of last use is updated. */
  async copy(slot: Slot): Promise<Copy | undefined> {
    const record = await this.#read(this.#copyRecord(slot), copyShape);
    if (record === undefined || record.url !== slot.url) return undefined;
    const { version, size, checkedAt } = record;
    const file = copyFile(slot, version);
    if ((await this.#size(file)) !== size) return undefined;
    const now = new Date();
    await utimes(this.#copyRecord(slot), now, now).catch(ignore);
    return { version, file, checkedAt };
  }

  /** Records that the origin still has this version. */
  async confirm(slot: Slot, { version, file }: Copy): Promise<void> {
    const size = await this.#size(file);
    if (size !== undefined) await this.#record(this.#copyRecord(slot), { url: slot.url, version, size, checkedAt: Date.now() });
  }

  /** Drops a file that the origin no longer has. Transfers that read it are unaffected, because they hold it open. */
  async remove(slot: Slot): Promise<void> {
    const copy = await this.copy(slot);
    await this.#unlink(`${slot.key}.json`);
    if (copy) await this.#unlink(copy.file);
    await this.forget(slot);
  }

  /** The part of an aborted download, if it can be resumed. */
  async beginning(slot: Slot): Promise<Beginning | undefined> {
    const record = await this.#read(this.#partRecord(slot), partShape);
    if (record === undefined || record.url !== slot.url || record.version.ifRange === undefined) return undefined;
    const { version, bytes } = record;
    return ((await this.#size(partFile(slot, version))) ?? 0) >= bytes ? { version, bytes } : undefined;
  }

  /** Deletes the part of a download. */
  async forget(slot: Slot): Promise<void> {
    const record = await this.#read(this.#partRecord(slot), partShape);
    if (record === undefined || this.#reserved.has(partFile(slot, record.version))) return;
    await this.#unlink(`${slot.key}.part.json`);
    await this.#unlink(partFile(slot, record.version));
  }

  /** Opens the part for writing and reserves space for the whole file. Throws `CacheFull` or `CacheFault`. */
  async begin(slot: Slot, version: Version, bytes: number): Promise<Part> {
    const file = partFile(slot, version);
    try {
      await mkdir(this.#dir, { recursive: true, mode: 0o750 });
      if (bytes === 0) await this.forget(slot);
      const reserved = version.size ?? bytes;
      await this.reserve(file, reserved);
      const handle = await open(join(this.#dir, file), OPEN_OR_CREATE, 0o640);
      const { ino } = await handle.stat();
      return new Part({
        name: copyFile(slot, version),
        handle,
        written: bytes,
        reserved,
        reserve: (total) => this.reserve(file, total),
        checkpoint: (written) => this.#record(this.#partRecord(slot), { url: slot.url, version, bytes: written }),
        placed: async () => {
          const copy = await stat(join(this.#dir, copyFile(slot, version))).catch(ignore);
          return copy?.ino === ino ? copy?.size : undefined;
        },
        publish: (size) => this.#publish(slot, version, size),
        release: () => void this.#reserved.delete(file),
      });
    } catch (error) {
      this.#reserved.delete(file);
      throw error instanceof CacheFull ? error : cacheFault(error);
    }
  }

  /** Reserves space for a part of this many bytes by evicting the least recently used copies. Throws `CacheFull`. */
  async reserve(file: string, bytes: number): Promise<void> {
    const turn = this.#turn.then(() => this.#makeRoom(file, bytes));
    this.#turn = turn.catch(ignore);
    await turn;
  }

  async #makeRoom(file: string, bytes: number): Promise<void> {
    const more = bytes - (this.#reserved.get(file) ?? 0);
    if (this.#used + more > this.#maxBytes) await this.#evict(file, bytes);
    else this.#used += more;
    this.#reserved.set(file, bytes);
  }

  async #evict(file: string, bytes: number): Promise<void> {
    const reserved = new Map(this.#reserved).set(file, bytes);
    const downloading = sum(reserved.values());
    if (downloading > this.#maxBytes) {
      const message = `${bytes} bytes do not fit alongside the other downloads; cacheBytes is ${this.#maxBytes}: raise it`;
      throw new CacheFull(message);
    }
    const groups = (await this.#groups(reserved)).sort((a, b) => a.usedAt - b.usedAt);
    this.#used = downloading + sum(groups.map((group) => group.bytes));
    for (const group of groups) {
      if (this.#used <= this.#maxBytes) break;
      for (const name of group.files) await this.#unlink(name);
      this.#used -= group.bytes;
    }
  }

  /** The files of a URL are evicted together. Parts being written are neither counted nor evicted. */
  async #groups(reserved: ReadonlyMap<string, number>) {
    const groups = new Map<string, { bytes: number; usedAt: number; files: string[] }>();
    for (const name of await readdir(this.#dir)) {
      const key = OURS.exec(name)?.[1];
      if (key === undefined || reserved.has(name)) continue;
      const found = await stat(join(this.#dir, name)).catch(ignore);
      if (!found) continue;
      const group = groups.get(key) ?? { bytes: 0, usedAt: 0, files: [] };
      group.bytes += found.size;
      group.usedAt = Math.max(group.usedAt, found.mtimeMs);
      group.files.push(name);
      groups.set(key, group);
    }
    return [...groups.values()];
  }

  /** The part is complete and on disk. */
  async #publish(slot: Slot, version: Version, size: number): Promise<void> {
    const file = copyFile(slot, version);
    const before = await this.#read(this.#copyRecord(slot), copyShape);
    try {
      await rename(join(this.#dir, partFile(slot, version)), join(this.#dir, file));
    } catch (error) {
      // Another process completed the same version first.
      if ((await this.#size(file)) !== size) throw cacheFault(error);
    }
    await this.#record(this.#copyRecord(slot), { url: slot.url, version, size, checkedAt: Date.now() });
    await this.#unlink(`${slot.key}.part.json`);
    if (before && before.version.id !== version.id) await this.#unlink(copyFile(slot, before.version));
  }

  async #read<Shape extends z.ZodType>(path: string, shape: Shape): Promise<z.output<Shape> | undefined> {
    try {
      return shape.parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A record half written before a power cut, or by another program, counts as missing.
      if (code === 'ENOENT' || error instanceof SyntaxError || error instanceof z.ZodError) return undefined;
      throw cacheFault(error);
    }
  }

  async #record(path: string, record: object): Promise<void> {
    const temporary = path.replace(/[^.]*$/, `${randomUUID()}.tmp`);
    try {
      await writeFile(temporary, JSON.stringify(record));
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(ignore);
      throw cacheFault(error);
    }
  }

  async #size(file: string): Promise<number | undefined> {
    return (await stat(join(this.#dir, file)).catch(ignore))?.size;
  }

  async #unlink(file: string): Promise<void> {
    await unlink(join(this.#dir, file)).catch(ignore);
  }

  #copyRecord({ key }: Slot): string {
    return join(this.#dir, `${key}.json`);
  }

  #partRecord({ key }: Slot): string {
    return join(this.#dir, `${key}.part.json`);
  }
}

const OPEN_OR_CREATE = constants.O_RDWR | constants.O_CREAT;

function sum(numbers: Iterable<number>): number {
  return Array.from(numbers).reduce((total, each) => total + each, 0);
}

function cacheFault(error: unknown): CacheFault {
  return new CacheFault(`the cache folder cannot be used: ${(error as Error).message}`, { cause: error });
}

function ignore(): undefined {}
