/**
 * The kernel's neighbour table: which MAC address an IP address on the same network has. Linux only; elsewhere nobody is known.
 * Clients behind a router are not in it.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { parseMac } from 'pxe';
import { parseAddress } from './address.ts';

/** Finds the MAC address of an IP address. Rejects if the signal aborts. */
export type NeighbourReader = (address: string, signal: AbortSignal) => Promise<string | undefined> | string | undefined;

/** What the tables are read from. */
export interface NeighbourSources {
  /** The text of `/proc/net/arp`: IPv4 only. Rejects where there is none. */
  arp(): Promise<string>;
  /** What `ip -json neigh` prints: IPv6, too. Rejects where there is none. */
  ip(): Promise<string>;
}

const IP_LIMIT_MS = 2000;

const systemSources: NeighbourSources = {
  arp: () => readFile('/proc/net/arp', 'utf8'),
  ip: async () =>
    (await promisify(execFile)('ip', ['-json', 'neigh', 'show'], { timeout: IP_LIMIT_MS, maxBuffer: 64 * 1024 ** 2 })).stdout,
};

/** `/proc/net/arp` answers for IPv4; a process is started only for what it cannot tell, and one for all who wait. */
export function neighbourReader(sources: NeighbourSources = systemSources): NeighbourReader {
  let running: Promise<string> | undefined;
  const ip = (): Promise<string> => {
    running ??= sources.ip().finally(() => {
      running = undefined;
    });
    return running;
  };
  return async (written, signal) => {
    const address = parseAddress(written);
    if (address === undefined) return undefined;
    if (address.family === 'ipv4') {
      const table = await sources.arp().catch(() => undefined);
      signal.throwIfAborted();
      if (table !== undefined) return findInArp(table, address.text);
    }
    const table = await ip().catch(() => undefined);
    signal.throwIfAborted();
    const zone = /%(.+)$/.exec(written)?.[1];
    return table === undefined ? undefined : findInIp(table, address.text, zone);
  };
}

/** `192.168.7.20 0x1 0x2 52:54:00:12:34:56 * lab0`: address, hardware type, flags, MAC address, mask, interface. */
export function findInArp(table: string, address: string): string | undefined {
  for (const line of table.split('\n')) {
    const [ip, , flags, mac] = line.trim().split(/\s+/);
    // ATF_COM: without it the entry is a question that nobody has answered.
    if (ip === address && (Number(flags) & 0x2) !== 0) return parseMac(mac ?? '');
  }
  return undefined;
}

/** `[{ "dst": "fe80::1", "dev": "lab0", "lladdr": "52:54:00:12:34:56", "state": ["REACHABLE"] }]` */
export function findInIp(json: string, address: string, zone?: string): string | undefined {
  const entries: unknown = JSON.parse(json);
  if (!Array.isArray(entries)) return undefined;
  for (const { dst, dev, lladdr } of entries as { dst?: unknown; dev?: unknown; lladdr?: unknown }[]) {
    if (typeof dst !== 'string' || typeof lladdr !== 'string' || parseAddress(dst)?.text !== address) continue;
    if (zone === undefined || zone === dev) return parseMac(lladdr);
  }
  return undefined;
}
