/**
 * The cache folder. Of each URL (`key`, a hash) it may hold a whole copy and a part of a download:
 *
 *     KEY.json  KEY.VERSION-NAME        a copy, and what is known of it
 *     KEY.part.json  KEY.VERSION.part   a part, and how much of it is known to be on the disk
 *
 * It survives a crash at any point, and several processes may use it at once (`pxe explain` beside the server), without a lock:
 * - a file is known by its version, so whoever writes at an offset of it writes what stands there already;
 * - a copy gets its name when all of it is on the disk, and the record that leads to it comes after that; each by a rename;
 * - what a record leads to may be gone or too short: then there is no copy.
 *
 * It asks nobody over the network and knows no clients.
 */
import { randomUUID } from 'node:crypto';
import { constants, mkdir, open, readdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CacheFault, CacheFull } from './fault.ts';
import { Part } from './part.ts';
import { copyFile, OURS, partFile, type Slot } from './slot.ts';
import type { Version } from './version.ts';

/** A whole file in the folder. */
export interface Copy {
  readonly version: Version;
  /** Its name in the folder. */
  readonly file: string;
  /** When the origin last said that this is its version: milliseconds since the epoch. */
  readonly checkedAt: number;
}

/** The beginning of a file. */
export interface Beginning {
  readonly version: Version;
  /** So many bytes of it are on the disk for good. */
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
  /** Parts that are written now, and how long they are to become. */
  readonly #reserved = new Map<string, number>();
  /** Bytes in the folder at the most, as far as this process knows; it is looked at when it could be too many. */
  #used = Number.POSITIVE_INFINITY;
  /** Room is made for one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param dir absolute; made when it is first needed */
  constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** The whole copy, if there is one; it counts as used now. */
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

  /** The origin still has this version. */
  async confirm(slot: Slot, { version, file }: Copy): Promise<void> {
    const size = await this.#size(file);
    if (size !== undefined) await this.#record(this.#copyRecord(slot), { url: slot.url, version, size, checkedAt: Date.now() });
  }

  /** The origin has the file no more. Transfers that read it are not touched: they hold it open. */
  async remove(slot: Slot): Promise<void> {
    const copy = await this.copy(slot);
    await this.#unlink(`${slot.key}.json`);
    if (copy) await this.#unlink(copy.file);
    await this.forget(slot);
  }

  /** What there is of a download that was broken off, if it can be gone on with. */
  async beginning(slot: Slot): Promise<Beginning | undefined> {
    const record = await this.#read(this.#partRecord(slot), partShape);
    if (record === undefined || record.url !== slot.url || record.version.ifRange === undefined) return undefined;
    const { version, bytes } = record;
    return ((await this.#size(partFile(slot, version))) ?? 0) >= bytes ? { version, bytes } : undefined;
  }

  /** Drops the beginning of a download. */
  async forget(slot: Slot): Promise<void> {
    const record = await this.#read(this.#partRecord(slot), partShape);
    if (record === undefined || this.#reserved.has(partFile(slot, record.version))) return;
    await this.#unlink(`${slot.key}.part.json`);
    await this.#unlink(partFile(slot, record.version));
  }

  /** Opens the part to write it on, and keeps room for all of it. Throws `CacheFull` or `CacheFault`. */
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

  /** Keeps room for a part of so many bytes; the copies that were used least recently go. Throws `CacheFull`. */
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

  /** All of a URL's files go together. What is being written does not count and does not go. */
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

  /** The part is whole and on the disk. */
  async #publish(slot: Slot, version: Version, size: number): Promise<void> {
    const file = copyFile(slot, version);
    const before = await this.#read(this.#copyRecord(slot), copyShape);
    try {
      await rename(join(this.#dir, partFile(slot, version)), join(this.#dir, file));
    } catch (error) {
      // Another process had the same version whole before us.
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
      // Half written before a power cut, or another program's: as good as none.
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
