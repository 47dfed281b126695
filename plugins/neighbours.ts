/**
 * The kernel's neighbour table, which maps IP addresses on the same network to MAC addresses. Linux only; elsewhere it finds no
 * machine.
 *
 * For a client behind a router, the table may hold the router's MAC address. So an address counts only if it is in a network of
 * one of this machine's interfaces, by their addresses and prefixes.
 *
 * Concurrent lookups share one reading. A table answers for the addresses in it until it is FRESH_MS old. An address that is not
 * in it is looked up in a table read after the lookup began.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';
import type { Awaitable } from 'pxe';
import { type Network, parseAddress, parseMac, parseNetwork, SingleFlight } from 'pxe/kit';

/** The facts of a neighbour. */
export interface Neighbour {
  readonly mac: string;
  /** Milliseconds since it last used that address. */
  readonly ageMs?: number;
}

/** Finds the machine, or the MAC address, of an IP address. Rejects if the signal aborts. */
export type NeighbourReader = (address: string, signal: AbortSignal) => Awaitable<string | Neighbour | undefined>;

/** The sources of the tables. */
export interface NeighbourSources {
  /** The text of `/proc/net/arp`: IPv4 only, without ages. Rejects if it does not exist. */
  arp(): Promise<string>;
  /** The output of `ip -statistics -json neigh`, with IPv6. Rejects if it cannot be run. */
  ip(): Promise<string>;
  /** Networks of this machine's interfaces. */
  networks(): readonly Network[];
  /** Milliseconds, monotonic. */
  now(): number;
}

const FRESH_MS = 200;
/** Time between two readings: of the file, and by a process. */
const ARP_SPACING_MS = 10;
const IP_SPACING_MS = 100;
const IP_LIMIT_MS = 2000;

const systemSources: NeighbourSources = {
  arp: () => readFile('/proc/net/arp', 'utf8'),
  ip: async () => {
    const limits = { timeout: IP_LIMIT_MS, maxBuffer: 64 * 1024 ** 2 };
    return (await promisify(execFile)('ip', ['-statistics', '-json', 'neigh', 'show'], limits)).stdout;
  },
  now: () => performance.now(),
  networks: () =>
    Object.values(networkInterfaces())
      .flatMap((found) => found ?? [])
      .flatMap(({ internal, cidr }) => (internal || cidr === null ? [] : (parseNetwork(cidr) ?? []))),
};

/** `/proc/net/arp` answers for IPv4; a process is started only for the rest. */
export class NeighbourTable {
  readonly #arp: Table;
  readonly #ip: Table;

  /** @param failed called once with the reason why the output of `ip` is unusable */
  constructor(failed: (problem: string) => void = () => {}, sources: NeighbourSources = systemSources) {
    this.#arp = new Table(async () => parseArp(await sources.arp()), ARP_SPACING_MS, sources);
    this.#ip = new Table(
      async () => parseIp(await sources.ip()),
      IP_SPACING_MS,
      sources,
      (error) => failed(ipProblem(error)),
    );
  }

  /** The machine with this address, if it is on a connected network. Rejects if the signal aborts. */
  async find(written: string, signal: AbortSignal): Promise<Neighbour | undefined> {
    const address = parseAddress(written);
    if (address === undefined) return undefined;
    const zone = /%(.+)$/.exec(written)?.[1];
    for (const table of address.family === 'ipv4' ? [this.#arp, this.#ip] : [this.#ip]) {
      const found = await table.find(address, zone);
      signal.throwIfAborted();
      if (found !== 'no table') return found;
    }
    return undefined;
  }

  /** Why neighbours cannot be looked up, with advice. */
  async problems(): Promise<readonly string[]> {
    const error = await this.#ip.problem();
    return error === undefined ? [] : [ipProblem(error)];
  }
}

function ipProblem(error: unknown): string {
  const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
  const why = missing ? 'the program "ip" is missing: install iproute2' : describe(error);
  return `IPv6 neighbours cannot be read (on Linux, IPv4 ones can): ${why}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** An entry of a table. */
interface Entry extends Neighbour {
  /** Interface. */
  readonly device: string | undefined;
}

type Entries = ReadonlyMap<string, readonly Entry[]>;

/** A table as last read. */
class Table {
  #entries: Entries | undefined;
  #networks: readonly Network[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #error: unknown;
  readonly #sources: NeighbourSources;
  readonly #reads: SingleFlight<void>;
  readonly #read: () => Promise<void>;

  constructor(
    read: () => Promise<Entries>,
    spacingMs: number,
    sources: NeighbourSources,
    failed: (error: unknown) => void = () => {},
  ) {
    this.#sources = sources;
    this.#reads = new SingleFlight({ spacingMs });
    this.#read = async () => {
      const begun = sources.now();
      try {
        this.#entries = await read();
        this.#error = undefined;
      } catch (error) {
        if (this.#error === undefined) failed(error);
        this.#entries = undefined;
        this.#error = error;
      }
      this.#networks = sources.networks();
      this.#readAt = begun;
    };
  }

  /** Why it cannot be read. */
  async problem(): Promise<unknown> {
    await this.#reads.run(this.#read);
    return this.#error;
  }

  async find(address: { readonly text: string; readonly family: 'ipv4' | 'ipv6' }, zone: string | undefined) {
    let entry = this.#sources.now() - this.#readAt < FRESH_MS ? this.#entry(address.text, zone) : undefined;
    if (entry === undefined) {
      await this.#reads.run(this.#read);
      entry = this.#entry(address.text, zone);
    }
    if (this.#entries === undefined) return 'no table';
    if (entry === undefined || !this.#networks.some((network) => network.contains(address))) return undefined;
    const { mac, ageMs } = entry;
    return { mac, ...(ageMs === undefined ? {} : { ageMs: ageMs + Math.round(this.#sources.now() - this.#readAt) }) };
  }

  #entry(address: string, zone: string | undefined): Entry | undefined {
    return this.#entries?.get(address)?.find(({ device }) => zone === undefined || zone === device);
  }
}

/** `192.168.7.20 0x1 0x2 52:54:00:12:34:56 * lab0`: address, hardware type, flags, MAC address, mask, interface. */
function parseArp(table: string): Entries {
  const entries = new Map<string, Entry[]>();
  for (const line of table.split('\n')) {
    const [ip = '', , flags, hardware = '', , device] = line.trim().split(/\s+/);
    const mac = parseMac(hardware);
    // ATF_COM: without it the entry is an ARP request without a reply.
    if (mac !== undefined && (Number(flags) & 0x2) !== 0) append(entries, ip, { mac, device });
  }
  return entries;
}

/** `[{ "dst": "fe80::1", "dev": "lab0", "lladdr": "52:54:00:12:34:56", "confirmed": 12, "state": ["REACHABLE"] }]`, in seconds. */
function parseIp(json: string): Entries {
  const entries = new Map<string, Entry[]>();
  const parsed: unknown = JSON.parse(json);
  if (!Array.isArray(parsed)) return entries;
  for (const { dst, dev, lladdr, confirmed } of parsed as Readonly<Record<string, unknown>>[]) {
    const address = typeof dst === 'string' ? parseAddress(dst)?.text : undefined;
    const mac = typeof lladdr === 'string' ? parseMac(lladdr) : undefined;
    if (address === undefined || mac === undefined) continue;
    const device = typeof dev === 'string' ? dev : undefined;
    append(entries, address, { mac, device, ...(typeof confirmed === 'number' ? { ageMs: confirmed * 1000 } : {}) });
  }
  return entries;
}

function append(entries: Map<string, Entry[]>, address: string, entry: Entry): void {
  const found = entries.get(address);
  if (found) found.push(entry);
  else entries.set(address, [entry]);
}
