/**
 * A lease file as a config names it, with the older files that its server keeps beside it: which machine has an address now, and
 * since when. It looks at the disk whenever it is asked, and says in the log, once, what hinders it.
 */
import type { Log } from 'pxe';
import { parseAddress } from '../address.ts';
import { shared } from '../shared.ts';
import { type FormatName, formats } from './formats.ts';
import type { LeaseFormat } from './lease.ts';
import { LeasePart } from './part.ts';

/** Who has an address. */
export interface Holder {
  readonly mac: string;
  /** Milliseconds since the lease was given or last renewed, where the file says so. */
  readonly ageMs?: number;
}

/** Why a file tells nothing. */
export interface Problem {
  /** It may come yet. */
  readonly missing: boolean;
  /** With what to do. */
  readonly message: string;
}

export class LeaseFile {
  readonly path: string;
  readonly #given: LeaseFormat | undefined;
  readonly #log: Log;
  readonly #newest: LeasePart;
  /** What the server has moved out of the file; entries wander in this order. */
  #older: readonly LeasePart[] = [];
  /** The format, as last seen: a moment without the file changes nothing about it. */
  #known: LeaseFormat | undefined;
  #problem: Problem | undefined;
  readonly #upToDate = shared(() => this.#look());

  /** @param path absolute */
  constructor(path: string, format: FormatName | undefined, log: Log) {
    this.path = path;
    this.#given = format && formats[format];
    this.#known = this.#given;
    this.#log = log;
    this.#newest = new LeasePart(path);
  }

  /** Reads what is new. Never rejects. */
  async problem(): Promise<Problem | undefined> {
    await this.#upToDate();
    return this.#problem;
  }

  /** The machine that the file gives the address to now. All that was written before the call counts. Never rejects. */
  async find(written: string): Promise<Holder | undefined> {
    const address = parseAddress(written)?.text;
    if (address === undefined) return undefined;
    await this.#upToDate();
    return this.holder(address, Date.now());
  }

  /**
   * The same by what has been read, at a given time (ms since the epoch).
   * @param address in the spelling of `parseAddress`
   */
  holder(address: string, now: number): Holder | undefined {
    // What a newer file says counts, even that nobody has the address.
    const lease = this.#newest.get(address) ?? this.#older.find((part) => part.get(address))?.get(address);
    if (lease?.mac === undefined || lease.untilMs <= now) return undefined;
    return { mac: lease.mac, ...(lease.sinceMs === undefined ? {} : { ageMs: Math.max(0, now - lease.sinceMs) }) };
  }

  async #look(): Promise<void> {
    const before = this.#problem?.message;
    this.#problem = await this.#read();
    const reason = this.#problem?.message;
    if (reason === before) return;
    if (reason === undefined) this.#log.info({ file: this.path }, 'lease file is readable now');
    else this.#log.warn({ file: this.path, reason }, 'lease file tells nothing');
  }

  /** In the order in which entries wander, so that none is missed on its way. */
  async #read(): Promise<Problem | undefined> {
    const problem = await readPart(this.#newest, this.#given);
    const { format } = this.#newest;
    if (typeof format === 'object') this.#known = format;
    const endings = this.#known?.older ?? [];
    if (endings.length !== this.#older.length) this.#older = endings.map((ending) => new LeasePart(this.path + ending));
    let told = false;
    for (const part of this.#older) told = (await readPart(part, this.#known)) === undefined || told;
    return told ? undefined : problem;
  }
}

/** @returns why it tells nothing */
async function readPart(part: LeasePart, format: LeaseFormat | undefined): Promise<Problem | undefined> {
  try {
    await part.refresh(format);
    return part.format === 'unknown' ? unknown : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
    return { missing: false, message: error instanceof Error ? error.message : String(error) };
  }
}

const missing: Problem = {
  missing: true,
  message: 'there is no such file: start the DHCP server, or name the file in which it keeps its leases',
};

const names = Object.keys(formats).map((name) => `'${name}'`);

const unknown: Problem = {
  missing: false,
  message: `of no format that is known; if it is, say of which: { file, format: ${names.join(' | ')} }`,
};
