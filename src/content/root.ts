/**
 * Files under one folder, and no others. It decides which file a name opens, if any. It does not know the client, nor what
 * follows if the file does not exist.
 *
 * Confinement depends only on the opened file: the operating system reports the descriptor's path, which must be under the folder
 * as it resolves at that moment. Earlier checks of the name only provide better answers and prevent devices from being opened.
 */

import { isLater } from '../base/awaitable.ts';
import { type Clock, sleep, systemClock, within } from '../base/clock.ts';
import { Refusal } from '../base/refusal.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import { SingleFlight } from '../base/single-flight.ts';
import { AdaptiveLookup } from './adaptive-lookup.ts';
import { DEFAULT_CACHE_BYTES, SegmentCache } from './cache.ts';
import { isBeneath, nameBeneath, pathBeneath } from './confine.ts';
import type { Content } from './content.ts';
import { accessViolation, BEING_WRITTEN, DiskSilent, FILE_CHANGED, isMissing, readFault } from './fault.ts';
import { FileContent } from './file.ts';
import type { FileStat, FileSystem, OpenFile } from './filesystem.ts';
import { HeldFile } from './held-file.ts';
import { cleanName } from './name.ts';
import { spelling } from './spelling.ts';
import { isTemporaryName } from './temporary.ts';
import { Turns } from './turns.ts';
import { unsettledMs, versionKey } from './version.ts';

export interface RootOptions {
  readonly fileSystem: FileSystem;
  /** A shared cache; without it, the folder has its own of {@link DEFAULT_CACHE_BYTES}. */
  readonly cache?: SegmentCache;
  /** Also serve targets of symbolic links outside the folder. Default false. Links within are always followed. */
  readonly followLinks?: boolean;
  /** Find `Boot/BCD` for `boot/bcd`. Default false. The exact spelling takes precedence if it exists. */
  readonly caseInsensitive?: boolean;
  /** A file is served once it has been unchanged for this many ms. Default 100. */
  readonly stableMs?: number;
  /** Maximum wait for that in ms. Default 2000; 0 does not wait. */
  readonly stableWaitMs?: number;
  /** Time limit of reading a single-segment file, which is read before it is sent. Default: no limit. */
  readonly readMs?: number;
  readonly clock?: Clock;
}

/** A file of the folder. */
export interface ServedFile extends Content {
  readonly size: number;
  /** Path relative to the folder with links resolved, for logs. Outside the folder (`followLinks`): the requested name. */
  readonly name: string;
}

/** Result of a lookup. */
interface Resolved {
  readonly realPath: string;
  readonly stat: FileStat;
}

interface Located extends Resolved {
  /** The folder's real path. */
  readonly base: string;
  /** The name as spelled on disk. */
  readonly name: string;
}

/** Maximum concurrent reads of segments: more than the disk's gate permits. */
const READS_AT_ONCE = 32;

/** Why a name is refused, for the log. */
const OUTSIDE = 'it leads out of the root';
const IRREGULAR = 'it is not a regular file';

export class Root {
  readonly dir: string;
  readonly #options: Required<RootOptions>;
  readonly #lookup: AdaptiveLookup;
  /**
   * Cached bytes that were read through this folder: bytes cached through another folder do not prove that their file is in this
   * one.
   */
  readonly #confined = new WeakSet<Uint8Array>();
  /** A storm requests one name many times at once. */
  readonly #finds = new SingleFlight<Located | undefined>();
  /** Single-segment files being read, by version. */
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #bases = new SingleFlight<string>();
  readonly #turns = new Turns(READS_AT_ONCE);

  /** @param dir absolute; may be a link that is switched from one release to the next, and need not exist yet. */
  constructor(dir: string, options: RootOptions) {
    this.dir = dir;
    this.#options = {
      cache: options.cache ?? new SegmentCache({ maxBytes: DEFAULT_CACHE_BYTES }),
      followLinks: false,
      caseInsensitive: false,
      stableMs: 100,
      stableWaitMs: 2000,
      readMs: Number.POSITIVE_INFINITY,
      clock: systemClock,
      ...options,
    };
    this.#lookup = new AdaptiveLookup(options.fileSystem, dir, this.#options.clock);
  }

  /**
   * Opens a file; `undefined` if it does not exist. Throws a `Refusal`: `forbidden` if it must not be read, `unavailable` if it
   * cannot be read.
   *
   * A single-segment file is read immediately and held, so no descriptor stays open. If it is cached, or another request is
   * reading it, none is opened.
   */
  async open(asked: string): Promise<ServedFile | undefined> {
    const { clock, stableMs, stableWaitMs } = this.#options;
    const restMs = Math.min(stableMs, stableWaitMs);
    for (let waitedMs = 0; ; ) {
      const pause = (ms: number) => {
        const pauseMs = Math.min(ms, stableWaitMs - waitedMs);
        waitedMs += pauseMs;
        return sleep(clock, pauseMs);
      };
      const found = await this.#find(asked);
      if (found === undefined) return undefined;
      const cached = this.#cached(found) ?? (await this.#readByAnother(found));
      if (cached !== undefined) {
        this.#options.cache.countHit();
        return cached;
      }
      using reading = this.#reads(found);
      const file = await this.#openConfined(found);
      if (file === undefined) return undefined;
      const youngMs = unsettledMs(file.version, clock.wallTime(), restMs);
      // A shorter quiet period proves nothing: a writer also pauses between two pieces.
      const rests = youngMs <= stableWaitMs - waitedMs;
      try {
        if (youngMs > 0) {
          reading.end();
          await pause(youngMs);
          if (!rests) throw BEING_WRITTEN;
          await file.verify();
        }
        return await this.#serve(found, file);
      } catch (error) {
        const closed = file.close();
        // Closed when the hanging read returns.
        if (error instanceof DiskSilent) closed.catch(() => {});
        else await closed;
        if (!(error instanceof Refusal) || error.reason !== 'changed') throw readFault(error);
        if (waitedMs >= stableWaitMs) throw BEING_WRITTEN;
        // It changed although it seemed stable: wait in every round.
        if (youngMs === 0) await pause(Math.max(1, stableMs));
      }
    }
  }

  /** Whether `open` would find a file. Throws only if this cannot be determined. */
  async has(asked: string): Promise<boolean> {
    try {
      const found = await this.#find(asked);
      if (found === undefined) return false;
      const cached = this.#cached(found);
      cached?.close();
      if (cached !== undefined) return true;
      const file = await this.#openConfined(found);
      await file?.close();
      return file !== undefined;
    } catch (error) {
      if (isVerdict(error)) return false;
      throw error;
    }
  }

  /** The names in a folder, `''` for the root itself; `undefined` if it does not exist or is not readable. */
  async list(asked: string): Promise<readonly string[] | undefined> {
    const { fileSystem, caseInsensitive } = this.#options;
    try {
      const base = await this.#bases.run(() => this.#base());
      if (asked === '') return await fileSystem.list(base);
      const name = servableName(asked);
      let seen = name === undefined ? undefined : await this.#look(base, name);
      if (seen === undefined && name !== undefined && caseInsensitive) {
        const spelt = await spelling(fileSystem, base, name, (path) => this.#allows(base, path));
        seen = spelt === undefined ? undefined : await this.#look(base, spelt);
      }
      if (seen?.stat.kind !== 'directory' || !this.#allows(base, seen.realPath)) return undefined;
      return await fileSystem.list(seen.realPath);
    } catch {
      return undefined;
    }
  }

  /**
   * The spelling of a file name on disk, found without regard to case; the exact spelling takes precedence. Throws as `has` does.
   */
  async spelling(asked: string): Promise<string | undefined> {
    try {
      return (await this.#findNow(asked, true))?.name;
    } catch (error) {
      if (isVerdict(error)) return undefined;
      throw error;
    }
  }

  /** Looks up a name without opening the file. */
  #find(asked: string): Promise<Located | undefined> {
    return this.#finds.run(() => this.#findNow(asked, this.#options.caseInsensitive), asked);
  }

  async #findNow(asked: string, caseInsensitive: boolean): Promise<Located | undefined> {
    const { fileSystem } = this.#options;
    let name = servableName(asked);
    if (name === undefined) return undefined;
    const base = await this.#bases.run(() => this.#base());
    let seen = await this.#look(base, name);
    if (seen === undefined && caseInsensitive) {
      name = await spelling(fileSystem, base, name, (path) => this.#allows(base, path));
      if (name === undefined) return undefined;
      seen = await this.#look(base, name);
    }
    if (seen === undefined || seen.realPath === base) return undefined;
    if (!this.#allows(base, seen.realPath)) throw accessViolation(OUTSIDE);
    if (seen.stat.kind === 'directory') return undefined;
    if (seen.stat.kind !== 'file') throw accessViolation(IRREGULAR);
    return { base, name, ...seen };
  }

  async #base(): Promise<string> {
    try {
      return await this.#lookup.realPath(this.dir);
    } catch (error) {
      // The whole folder is missing, which says nothing about a file.
      throw readFault(error);
    }
  }

  async #look(base: string, name: string): Promise<Resolved | undefined> {
    const path = pathBeneath(base, name);
    try {
      // Most names requested during a boot do not exist: one call is enough to tell.
      const stat = await this.#lookup.stat(path);
      if (stat === undefined) return undefined;
      return { realPath: await this.#lookup.realPath(path), stat };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw readFault(error);
    }
  }

  /**
   * A cached single-segment file. It need not be opened: its current version was read through this folder before, and its path
   * resolves to one inside the folder.
   */
  #cached(found: Located): HeldFile | undefined {
    if (found.stat.size > SEGMENT_BYTES) return undefined;
    const bytes = this.#confinedBytes(versionKey(found.stat));
    if (bytes === undefined) return undefined;
    return this.#held(found, this.#nameOf(found, found.realPath), bytes, versionKey(found.stat));
  }

  /** A storm begins with a thousand requests for one file. If the other request fails, the failure may be its own. */
  async #readByAnother(found: Located): Promise<ServedFile | undefined> {
    const underWay = this.#underWay.get(versionKey(found.stat));
    if (underWay === undefined) return undefined;
    await underWay;
    return this.#cached(found);
  }

  /** Other requests for the same file wait until it ends. */
  #reads({ stat }: Located): Disposable & { end(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const key = versionKey(stat);
    if (stat.size <= SEGMENT_BYTES) this.#underWay.set(key, promise);
    const end = () => {
      if (this.#underWay.get(key) === promise) this.#underWay.delete(key);
      resolve();
    };
    return { end, [Symbol.dispose]: end };
  }

  async #openConfined(found: Located): Promise<FileContent | undefined> {
    const { fileSystem, cache } = this.#options;
    let file: OpenFile;
    try {
      file = await this.#lookup.open(pathBeneath(found.base, found.name));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw readFault(error);
    }
    try {
      // The order matters: if the file is moved aside in between, the version must be the later one.
      const path = await file.realPath();
      const version = await file.stat();
      if (!this.#allows(found.base, path)) throw accessViolation(OUTSIDE);
      if (version.kind !== 'file') throw accessViolation(IRREGULAR);
      return new FileContent({ file, version, path, name: this.#nameOf(found, path), fileSystem, cache, turns: this.#turns });
    } catch (error) {
      await file.close();
      throw readFault(error);
    }
  }

  async #serve(found: Located, file: FileContent): Promise<ServedFile> {
    if (file.size > SEGMENT_BYTES) return file;
    const { clock, readMs } = this.#options;
    const read = file.read(0, file.size);
    const bytes = isLater(read) ? await within(clock, readMs, read, () => new DiskSilent(file.name)) : read;
    const { cache } = this.#options;
    const kept = cache.get(versionKey(file.version), 0);
    if (kept !== undefined) {
      this.#confined.add(kept);
      cache.release(kept);
    }
    await file.close();
    return this.#held(found, file.name, bytes, versionKey(file.version));
  }

  #held(found: Located, name: string, bytes: Uint8Array, version: string): HeldFile {
    return new HeldFile({
      name,
      version,
      bytes,
      readAgain: () => this.#readAgain(found, version),
      // Not those of this call: what reads again would keep them alive as long as the file is open.
      release: (dropped) => this.#options.cache.release(dropped),
    });
  }

  /** Reads a small file again, provided that it is unchanged. */
  async #readAgain(found: Located, version: string): Promise<Uint8Array> {
    const cached = this.#confinedBytes(version);
    if (cached !== undefined) {
      this.#options.cache.countHit();
      return cached;
    }
    const file = await this.#openConfined(found);
    if (file === undefined) throw FILE_CHANGED;
    try {
      if (versionKey(file.version) !== version) throw FILE_CHANGED;
      return await file.read(0, file.size);
    } finally {
      await file.close();
    }
  }

  /** A single-segment file, if it was cached through this folder. */
  #confinedBytes(version: string): Uint8Array | undefined {
    const { cache } = this.#options;
    const bytes = cache.get(version, 0);
    if (bytes === undefined || this.#confined.has(bytes)) return bytes;
    cache.release(bytes);
    return undefined;
  }

  #allows(base: string, realPath: string): boolean {
    return this.#options.followLinks || isBeneath(base, realPath);
  }

  #nameOf(found: Located, realPath: string): string {
    return isBeneath(found.base, realPath) ? nameBeneath(found.base, realPath) : found.name;
  }
}

/** Whether a refusal concerns the file rather than the disk. */
function isVerdict(error: unknown): boolean {
  return error instanceof Refusal && (error.reason === 'not-found' || error.reason === 'forbidden');
}

/** `undefined` for a name that no servable file has. Throws a `Refusal` for one that is forbidden. */
function servableName(asked: string): string | undefined {
  try {
    const name = cleanName(asked);
    return isTemporaryName(name) ? undefined : name;
  } catch (error) {
    if (error instanceof Refusal && error.reason === 'not-found') return undefined;
    throw error;
  }
}
