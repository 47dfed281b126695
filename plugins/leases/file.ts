/**
 * A lease file of a config and the older files that the DHCP server keeps beside it: which machine has an address now, and since
 * when. Each lookup first reads what is new on disk; a problem is logged once. A slow read (a disk that hangs, a million leases)
 * does not delay machines: until it ends, the previous table counts.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from 'pxe';
import { parseAddress, SingleFlight } from 'pxe/kit';
import { type FormatName, formats } from './formats.ts';
import type { Lease, LeaseFormat } from './lease.ts';
import { LeasePart, type PartFormat } from './part.ts';

/** The holder of an address. */
export interface Holder {
  readonly mac: string;
  /** Milliseconds since the lease was granted or last renewed, if the file says so. */
  readonly ageMs?: number;
}

/** Why a file identifies no machine. */
export interface Problem {
  /**
   * - `missing`: it may be created later;
   * - `unreadable`: its format is unknown, or it cannot be read;
   * - `idle`: not empty, but without an active lease that contains a MAC address.
   */
  readonly state: 'missing' | 'unreadable' | 'idle';
  /** With advice. */
  readonly message: string;
}

/** The last problem of a file that was logged. */
export interface Told {
  problem?: Problem | undefined;
}

/** Milliseconds that a lookup waits for a reading: much less than the time limit of a hook. */
const PATIENCE_MS = 1_000;

export class LeaseFile {
  readonly path: string;
  readonly #given: LeaseFormat | undefined;
  readonly #log: Log;
  readonly #newest: LeasePart;
  /** Files into which the server moves older entries, in the order of moving. */
  #older: readonly LeasePart[] = [];
  /** The last detected format; it is kept while the file is missing. */
  #known: LeaseFormat | undefined;
  #problem: Problem | undefined;
  readonly #now: () => number;
  readonly #told: Told;
  /** An active lease that contains a MAC address; while it is active, no other needs to be searched. */
  #inForce: Lease | undefined;
  /** The parts' versions when no such lease was found; the search is repeated only after a change. */
  #idleVersions: string | undefined;
  readonly #readings = new SingleFlight<void>();
  /** A reading has taken longer than a lookup waits. */
  #late = false;

  /**
   * @param path absolute
   * @param told the problem that has been logged already
   * @param now ms since the epoch
   */
  constructor(path: string, format: FormatName | undefined, log: Log, told: Told = {}, now: () => number = Date.now) {
    this.path = path;
    this.#told = told;
    this.#now = now;
    this.#given = format && formats[format];
    this.#known = this.#given;
    this.#log = log;
    this.#newest = new LeasePart(path);
  }

  /** Reads what is new. Never rejects. */
  async problem(): Promise<Problem | undefined> {
    await this.#readings.run(() => this.#look());
    return this.#problem;
  }

  /** A summary for messages: the number of active leases, and one of them. `undefined` if there are none. */
  reading(): string | undefined {
    const now = this.#now();
    const holders = [...new Set([this.#newest, ...this.#older].flatMap(({ leases }) => [...leases.keys()]))].flatMap(
      (address) => {
        const mac = this.holder(address, now)?.mac;
        return mac === undefined ? [] : [{ address, mac }];
      },
    );
    const [first] = holders;
    if (first === undefined || this.#known === undefined) return undefined;
    const count = holders.length === 1 ? '1 lease' : `${holders.length} leases`;
    return `${count} active, read as ${this.#known.name}: ${first.address} is ${first.mac}`;
  }

  /** Resolves when the file has been read, or after this many milliseconds. */
  async read(limitMs: number): Promise<void> {
    await Promise.race([this.#readings.run(() => this.#look()), sleep(limitMs, undefined, { ref: false })]);
  }

  /**
   * The machine that has the address now. Everything written before the call counts, unless reading takes longer than a second.
   * From then until a reading ends, lookups use the previous table without waiting. Never rejects.
   */
  async find(written: string): Promise<Holder | undefined> {
    const address = parseAddress(written)?.text;
    if (address === undefined) return undefined;
    await this.#refreshed();
    return this.holder(address, this.#now());
  }

  /**
   * The same from the current table, at a given time (ms since the epoch).
   * @param address in the spelling of `parseAddress`
   */
  holder(address: string, now: number): Holder | undefined {
    // The newest file with an entry decides, even if the entry says that the address is free.
    const lease = this.#newest.get(address) ?? this.#older.find((part) => part.get(address))?.get(address);
    if (lease?.mac === undefined || lease.untilMs <= now) return undefined;
    return { mac: lease.mac, ...(lease.sinceMs === undefined ? {} : { ageMs: Math.max(0, now - lease.sinceMs) }) };
  }

  async #refreshed(): Promise<void> {
    const reading = this.#readings.run(() => this.#look());
    if (this.#late) return;
    const waiting = new AbortController();
    const late = sleep(PATIENCE_MS, true, { signal: waiting.signal }).catch(() => false);
    const isLate = await Promise.race([reading.then(() => false), late]);
    waiting.abort();
    if (!isLate || this.#late) return;
    this.#late = true;
    this.#log.warn({ file: this.path, ms: PATIENCE_MS }, 'lease file does not answer: using the leases read earlier');
  }

  async #look(): Promise<void> {
    this.#problem = (await inTurn(this.path, () => this.#read())) ?? this.#idle();
    if (this.#late) this.#log.info({ file: this.path }, 'lease file answers again');
    this.#late = false;
    const before = this.#told.problem;
    this.#told.problem = this.#problem;
    const { state, message: reason } = this.#problem ?? {};
    // A change in the number of expired leases is not logged again.
    if (state === before?.state && (state === 'idle' || reason === before?.message)) return;
    if (reason !== undefined) this.#log.warn({ file: this.path, reason }, 'lease file lists no machines');
    else
      this.#log.info(
        { file: this.path },
        before?.state === 'idle' ? 'lease file now lists machines' : 'lease file can now be read',
      );
  }

  /** Formats change, so a file that identifies no machine is reported for whatever reason. */
  #idle(): Problem | undefined {
    const now = this.#now();
    const names = ({ address, mac, untilMs }: Lease): boolean =>
      mac !== undefined && untilMs > now && this.holder(address, now)?.mac === mac;
    const parts = [this.#newest, ...this.#older];
    if (parts.every((part) => part.isEmpty)) return undefined;
    if (this.#inForce && names(this.#inForce)) return undefined;
    const versions = parts.map(({ version = '' }) => version).join();
    if (this.#problem?.state === 'idle' && versions === this.#idleVersions && this.#newest.version !== undefined)
      return this.#problem;
    for (const { leases } of parts) {
      for (const lease of leases.values()) {
        if (!names(lease)) continue;
        this.#inForce = lease;
        return undefined;
      }
    }
    this.#inForce = undefined;
    this.#idleVersions = versions;
    return idle(
      parts.flatMap(({ leases }) => [...leases.values()]),
      this.#newest.format,
      now,
    );
  }

  /** Read in the order in which entries move, so that none is missed in between. */
  async #read(): Promise<Problem | undefined> {
    const problem = await readPart(this.#newest, this.#given);
    const { format } = this.#newest;
    if (typeof format === 'object' && format.kind !== 'damaged') this.#known = format;
    const endings = this.#known?.older ?? [];
    if (endings.length !== this.#older.length) this.#older = endings.map((ending) => new LeasePart(this.path + ending));
    let told = false;
    for (const part of this.#older) told = (await readPart(part, this.#known)) === undefined || told;
    return told ? undefined : problem;
  }
}

/** The latest reading of each path. */
const readings = new Map<string, Promise<unknown>>();

/**
 * Limits each path to one reading at a time: each reload makes a new `LeaseFile`, and each could block a thread on a disk that
 * hangs.
 */
async function inTurn<T>(path: string, read: () => Promise<T>): Promise<T> {
  const before = readings.get(path) ?? Promise.resolve();
  const reading = before.then(read);
  readings.set(path, reading);
  try {
    return await reading;
  } finally {
    if (readings.get(path) === reading) readings.delete(path);
  }
}

/** @returns why the part was not read */
async function readPart(part: LeasePart, format: LeaseFormat | undefined): Promise<Problem | undefined> {
  try {
    await part.refresh(format);
    if (part.format === 'unknown') return unknown;
    return typeof part.format === 'object' && part.format.kind === 'damaged' ? damaged(part.format.name) : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
    if (code === 'EACCES' || code === 'EPERM') return forbidden;
    return { state: 'unreadable', message: error instanceof Error ? error.message : String(error) };
  }
}

const missing: Problem = {
  state: 'missing',
  message: 'there is no such file: start the DHCP server, or name the file in which it keeps its leases',
};

const forbidden: Problem = {
  state: 'unreadable',
  message: "cannot be read: permission denied; let the server's user read it and enter its folders",
};

const names = Object.keys(formats).map((name) => `'${name}'`);
const knownNames = Object.keys(formats).join(', ');

const unknown: Problem = {
  state: 'unreadable',
  message: `is in an unknown format; if the format is supported, name it: { file, format: ${names.join(' | ')} }`,
};

function damaged(name: string): Problem {
  return {
    state: 'unreadable',
    message: `begins like a ${name} file but is incomplete: it is truncated, damaged, or in an unknown format (known: ${knownNames})`,
  };
}

/** @param leases of a file that is not empty; none of them is active and contains a MAC address */
function idle(leases: readonly Lease[], format: PartFormat, now: number): Problem {
  if (leases.length === 0) {
    const what = typeof format === 'object' ? `no ${format.name} lease` : `no lease in a known format (${knownNames})`;
    return { state: 'idle', message: `contains ${what}: it identifies no machine until a lease is granted` };
  }
  const without = leases.filter(({ mac }) => mac === undefined).length;
  const expired = leases.filter(({ mac, untilMs }) => mac !== undefined && untilMs <= now).length;
  const counts = [
    ...(expired > 0 ? [`${expired} expired`] : []),
    ...(without > 0 ? [`${without} free, declined or without a MAC address`] : []),
  ];
  return {
    state: 'idle',
    message: `has no active lease with a MAC address (${counts.join(', ')}): it identifies no machine until one is granted`,
  };
}
