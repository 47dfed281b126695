/**
 * Where the data thread has the segments of files from: those it keeps; what the system has in memory, read at once; and for all that
 * would have to be waited for, the content thread. What several transfers want at once is read once.
 */

import { SEGMENT_BYTES } from '../../../base/segment.ts';
import type { CacheBudget } from '../../../content/budget.ts';
import type { Holders } from '../../../content/holders.ts';
import { segmentKey } from '../../../content/lru.ts';
import type { WireError } from '../../protocol/error.ts';
import { type FileByNumber, type FromContent, NOT_OPEN, type ToContent } from './messages.ts';
import type { PageCache } from './page-cache.ts';
import { SegmentShelf } from './segment-shelf.ts';

/** What is counted here. */
export interface SourceCounters {
  add(name: 'cache.hits' | 'cache.misses' | 'reads.page-cache' | 'reads.content-thread'): void;
  set(name: 'cache-bytes.data', bytes: number): void;
}

export interface SegmentSourceOptions {
  readonly pageCache: Pick<PageCache, 'read'>;
  /** What is kept of files is drawn from it. */
  readonly budget: CacheBudget;
  readonly counters: SourceCounters;
  /** Of memory that has come from the main thread. */
  readonly holders: Holders;
  /** Takes a segment that a transfer needed, perhaps while it still asks. */
  supply(id: number, index: number, bytes: Uint8Array): void;
  refuse(id: number, error: WireError): void;
  /** The main thread has the bytes of a file of one segment. */
  fetch(id: number, index: number): void;
  /** To the content thread. */
  tell(message: ToContent): void;
  /** Memory that the kernel will be given the address of. */
  grown(chunk: SharedArrayBuffer): void;
}

/** Reads of one disk that the content thread has at once: more than its gate lets through. What waits has no memory yet. */
const READS_AT_ONCE = 32;

/** A read that must be waited for. */
interface Load {
  readonly key: string;
  /** Whose descriptor is read by. */
  by: number;
  readonly version: string;
  readonly index: number;
  readonly length: number;
  /** Transfers that wait for it. */
  readonly waiting: number[];
}

interface Disk {
  /** With the content thread. */
  reads: number;
  readonly waiting: Load[];
}

export class SegmentSource {
  readonly #options: SegmentSourceOptions;
  readonly #shelf: SegmentShelf;
  /** By transfer. */
  readonly #files = new Map<number, FileByNumber>();
  readonly #bySlot = new Map<number, Load>();
  readonly #byKey = new Map<string, Load>();
  /** By device. */
  readonly #disks = new Map<string, Disk>();

  constructor(options: SegmentSourceOptions) {
    this.#options = options;
    const grown = (chunk: SharedArrayBuffer): void => {
      options.grown(chunk);
      options.tell({ kind: 'chunk', chunk });
    };
    const resized = (bytes: number): void => options.counters.set('cache-bytes.data', bytes);
    this.#shelf = new SegmentShelf(options.budget, grown, resized, options.holders);
  }

  /** The transfer reads a file. */
  open(id: number, file: FileByNumber): void {
    this.#files.set(id, file);
  }

  /** Lends a transfer its first segment, if that is kept. */
  first(id: number): Uint8Array | undefined {
    const file = this.#files.get(id)!;
    const bytes = this.#shelf.lend(file.version, 0);
    if (bytes !== undefined) this.#count(file, 'cache.hits');
    return bytes;
  }

  /** Keeps what the transfer has got of its file of one segment. */
  keep(id: number, bytes: Uint8Array): void {
    const file = this.#files.get(id);
    if (file?.fd === NOT_OPEN) this.#shelf.keepWhole(file.version, bytes);
  }

  /** It does so no more: its descriptor is not used again here. */
  close(id: number): void {
    this.#files.delete(id);
  }

  has(id: number): boolean {
    return this.#files.has(id);
  }

  /** The segment is supplied at once, or when it has been read; or the transfer is refused. */
  need(id: number, index: number): void {
    const file = this.#files.get(id);
    const position = index * SEGMENT_BYTES;
    if (file === undefined || position >= file.size) return;
    const { version } = file;
    const key = segmentKey(version, index);
    const kept = this.#shelf.lend(version, index);
    const load = this.#byKey.get(key);
    this.#count(file, kept === undefined ? 'cache.misses' : 'cache.hits');
    if (kept !== undefined) this.#options.supply(id, index, kept);
    else if (file.fd === NOT_OPEN) this.#options.fetch(id, index);
    else if (load !== undefined) load.waiting.push(id);
    else
      this.#read({ key, by: id, version, index, length: Math.min(SEGMENT_BYTES, file.size - position), waiting: [id] }, file.fd);
  }

  /** What the content thread says. */
  handle(message: FromContent): void {
    const load = this.#bySlot.get(message.slot);
    if (load === undefined) throw new RangeError(`no read into slot ${message.slot} is pending`);
    this.#bySlot.delete(message.slot);
    this.#byKey.delete(load.key);
    this.#readNext(deviceOf(load.version));
    if (message.kind === 'filled') return this.#filled(load, message.slot);
    this.#shelf.giveBack(message.slot);
    // The failure may be that transfer's own (its descriptor, its view of the file), so each of the others tries for itself.
    for (const id of load.waiting) {
      if (id === load.by) this.#options.refuse(id, message.error);
      else this.need(id, load.index);
    }
  }

  /** A transfer has released bytes, from any source. */
  release(bytes: Uint8Array): void {
    this.#shelf.release(bytes);
  }

  /** Everything that was to be sent is sent. */
  endRound(): void {
    this.#shelf.endRound();
  }

  /** The main thread has counted the segment of a file that is not open here: it had to have it, too. */
  #count({ fd }: FileByNumber, name: 'cache.hits' | 'cache.misses'): void {
    if (fd !== NOT_OPEN) this.#options.counters.add(name);
  }

  #read(load: Load, fd: number): void {
    const slot = this.#shelf.take();
    if (this.#options.pageCache.read(fd, load.version, this.#shelf.bytes(slot, load.length), load.index * SEGMENT_BYTES)) {
      this.#options.counters.add('reads.page-cache');
      return this.#filled(load, slot);
    }
    this.#byKey.set(load.key, load);
    const device = deviceOf(load.version);
    const disk = this.#disks.get(device) ?? { reads: 0, waiting: [] };
    this.#disks.set(device, disk);
    if (disk.reads < READS_AT_ONCE) return this.#ask(load, slot, disk);
    this.#shelf.giveBack(slot);
    disk.waiting.push(load);
  }

  #ask(load: Load, slot: number, disk: Disk): void {
    disk.reads++;
    this.#options.counters.add('reads.content-thread');
    this.#bySlot.set(slot, load);
    this.#options.tell({ kind: 'read', id: load.by, slot, position: load.index * SEGMENT_BYTES, length: load.length });
  }

  /** A read of the disk is over: the next that a transfer still waits for. */
  #readNext(device: string): void {
    const disk = this.#disks.get(device)!;
    disk.reads--;
    for (let load = disk.waiting.shift(); load; load = disk.waiting.shift()) {
      const by = load.waiting.find((id) => this.#files.has(id));
      if (by === undefined) this.#byKey.delete(load.key);
      else {
        load.by = by;
        return this.#ask(load, this.#shelf.take(), disk);
      }
    }
    if (disk.reads === 0) this.#disks.delete(device);
  }

  #filled({ version, index, length, waiting }: Load, slot: number): void {
    const bytes = this.#shelf.fill(slot, length, version, index, waiting.length);
    for (const id of waiting) this.#options.supply(id, index, bytes);
  }
}

/** The device that a version names. */
function deviceOf(version: string): string {
  return version.slice(0, version.indexOf(':'));
}
