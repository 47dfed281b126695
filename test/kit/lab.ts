/**
 * A server in this process, in a folder of its own, on loopback: what a program that embeds `pxe` has.
 */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { SegmentCache } from '../../src/content/cache.ts';
import { Disks } from '../../src/content/disks.ts';
import type { FileSystem } from '../../src/content/filesystem.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { type Config, createServer, type ExchangeInfo, type ExchangeSummary, type Log } from '../../src/index.ts';
import { readMs } from '../../src/server/create.ts';
import { Server } from '../../src/server/server.ts';
import type { Service, ServiceHost } from '../../src/service/service.ts';
import { TftpService } from '../../src/tftp/service.ts';
import { PortableTransport } from '../../src/tftp/transport/portable.ts';
import { resolveConfig } from './config.ts';
import type { Address } from './tftp.ts';
import { transport } from './transport.ts';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Keeps what is logged. */
export function keepingLog(lines: LogLine[] = [], bindings: object = {}): Log {
  const write = (level: LogLine['level']) => (fields: object, msg: string) =>
    void lines.push({ ...bindings, ...fields, level, msg });
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => keepingLog(lines, { ...bindings, ...more }),
  };
}

/** A folder that goes with the test; files in it, and `ROOT` for a server. */
export interface Folder {
  readonly path: string;
  readonly root: string;
  /** Writes a file below; returns its path. */
  put(name: string, bytes: string | Uint8Array): string;
  /** Everything below a folder, links not followed. */
  tree(name?: string): string[];
}

export function folder(parent = tmpdir()): Folder {
  const path = mkdtempSync(join(parent, 'pxe-test-'));
  const root = join(path, 'ROOT');
  mkdirSync(root);
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    root,
    put(name, bytes) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      return file;
    },
    tree: (name = '.') => readdirSync(join(path, name), { recursive: true }).map(String).sort(),
  };
}

export interface Lab extends Folder {
  readonly server: Server;
  /** The first address. */
  readonly address: Address;
  readonly log: LogLine[];
  readonly started: ExchangeInfo[];
  /** Every request that has ended, in order. */
  readonly ended: ExchangeSummary[];
  /** The first that fits, past or to come. */
  end(fits?: (summary: ExchangeSummary) => boolean): Promise<ExchangeSummary>;
}

/** Parts of the server's runtime that a test replaces. */
export interface OtherRuntime {
  readonly clock?: Clock;
  readonly fileSystem?: FileSystem;
  /** Services beside TFTP. */
  readonly services?: (host: ServiceHost) => readonly Service[];
}

const listen = [{ address: '127.0.0.1', port: 0 }];
/** A test on a busy machine is late with its ACKs: nothing is lost, so nothing need be sent again. */
const PATIENT = { minTimeoutMs: 500 };

/** Files that were just written are served at once. The server is stopped with the test. */
export async function lab(config: Config = {}, at: Folder = folder(), runtime?: OtherRuntime): Promise<Lab> {
  const log: LogLine[] = [];
  const started: ExchangeInfo[] = [];
  const ended: ExchangeSummary[] = [];
  const tftp = { transport, listen, ...config.tftp, limits: { ...PATIENT, ...config.tftp?.limits } };
  const full = { rootDir: 'ROOT', stableMs: 0, ...config, tftp };
  const server = runtime
    ? serverIn(runtime, full, at.path, keepingLog(log))
    : createServer(full, { dir: at.path, log: keepingLog(log) });
  server.on('start', (transfer) => void started.push(transfer));
  server.on('end', (summary) => void ended.push(summary));
  onTestFinished(() => server.stop(0));
  await server.start();
  return {
    ...at,
    server,
    log,
    started,
    ended,
    address: server.addresses[0]!,
    end: (fits = () => true) => until(() => ended.find(fits), 'end of a transfer'),
  };
}

function serverIn(
  { clock = systemClock, fileSystem = nodeFileSystem, services = () => [] }: OtherRuntime,
  config: Config,
  dir: string,
  log: Log,
): Server {
  const resolved = resolveConfig(config, { dir });
  return new Server(resolved, {
    log,
    clock,
    disks: new Disks({ fileSystem, clock }),
    readMs,
    cache: new SegmentCache({ maxBytes: resolved.cacheBytes }),
    services: (host) => [
      new TftpService(host, {
        transport: (events, limits, counters) => new PortableTransport({ events, limits, counters, clock, random: Math.random }),
      }),
      ...services(host),
    ],
  });
}

/** The real clock, so many times as fast. */
export function fastClock(speed: number): Clock {
  return {
    ...systemClock,
    now: () => systemClock.now() * speed,
    setTimeout: (run, ms) => systemClock.setTimeout(run, ms / speed),
  };
}

/** Polls. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  ms = 5000,
): Promise<T> {
  for (const deadline = performance.now() + ms; ; ) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`no ${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A promise and what settles it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: resolve };
}
