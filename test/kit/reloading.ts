/**
 * A server that is kept in step with a config file in a folder of its own, as `pxe serve` does it: load, Reloader, FileWatcher.
 * Configs reach the test through {@link Board}, which they find by name on `globalThis`.
 */

import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import { FileWatcher } from '../../src/config/watch.ts';
import type { ExchangeSummary } from '../../src/index.ts';
import { createResolvedServer } from '../../src/server/create.ts';
import type { Reloaded } from '../../src/server/reloaded.ts';
import { Reloader } from '../../src/server/reloader.ts';
import type { Server } from '../../src/server/server.ts';
import { load } from './config.ts';
import { type Folder, folder, keepingLog, type LogLine, until } from './lab.ts';
import { type Address, get } from './tftp.ts';
import { transport } from './transport.ts';

/** Where configs of a test leave word. */
export interface Board {
  /** What plugins have noted, in order. */
  readonly notes: string[];
  /** Whatever a test wants to hand in. */
  readonly [name: string]: unknown;
}

export interface ReloadingLab extends Folder {
  readonly server: Server;
  readonly reloader: Reloader;
  readonly board: Board;
  readonly log: LogLine[];
  readonly reloads: Reloaded[];
  readonly failures: unknown[];
  readonly ended: ExchangeSummary[];
  /** The first address. */
  readonly address: Address;
  /** How often the config was read. */
  loads(): number;
  /** Replaces the config by rename, as most editors do. */
  save(source: string): void;
  /** The next reload; begin to wait before causing it. */
  nextReload(): Promise<Reloaded>;
  nextFailure(): Promise<Error>;
  /** What a machine gets for a name now. */
  text(name: string): Promise<string>;
}

export interface ReloadingOptions {
  readonly config: string;
  /** Beside the config, by name. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Time limit of each import. */
  readonly importMs?: number;
  /** False: reload only when asked to. */
  readonly watch?: boolean;
}

export async function reloadingLab({
  config,
  files = {},
  importMs = 10_000,
  watch = true,
}: ReloadingOptions): Promise<ReloadingLab> {
  const at = folder();
  const file = at.put('pxe.config.ts', config);
  for (const [name, bytes] of Object.entries(files)) at.put(name, bytes);
  const board: Board = { notes: [] };
  (globalThis as { pxeTest?: unknown }).pxeTest = board;
  let loads = 0;
  const loadIt = (): Promise<LoadedConfig> => {
    loads++;
    return load({
      file,
      folder: at.path,
      clock: systemClock,
      timeoutMs: importMs,
      override: (input) => ({ ...input, tftp: { transport, ...input.tftp } }),
    });
  };
  const since = systemClock.wallTime();
  const loaded = await loadIt();
  const log: LogLine[] = [];
  const server = createResolvedServer(loaded.config, { log: keepingLog(log) });
  const reloads: Reloaded[] = [];
  const failures: unknown[] = [];
  const ended: ExchangeSummary[] = [];
  server.on('reload', (reload) => void reloads.push(reload));
  server.on('reloadFailed', (error) => void failures.push(error));
  server.on('end', (summary) => void ended.push(summary));
  await server.start();
  const watcher = (changed: (files: readonly string[]) => void) =>
    new FileWatcher({ clock: systemClock, changed, onEventsLost: (error) => void failures.push(error) });
  const reloader = new Reloader(
    { server, log: keepingLog(log), clock: systemClock, load: loadIt, ...(watch ? { watcher } : {}) },
    loaded.files,
  );
  onTestFinished(async () => {
    await server.stop(0);
    await reloader.stop();
  });
  await reloader.start(since);
  const next = <T>(list: readonly T[], what: string) => {
    const before = list.length;
    return until(() => list[before], what, 8000);
  };
  let saves = 0;
  return {
    ...at,
    server,
    reloader,
    board,
    log,
    reloads,
    failures,
    ended,
    address: server.addresses[0]!,
    loads: () => loads,
    save(source) {
      renameSync(at.put(`.saving${++saves}`, source), join(at.path, 'pxe.config.ts'));
    },
    nextReload: () => next(reloads, 'reload'),
    nextFailure: async () => (await next(failures, 'failed reload')) as Error,
    async text(name) {
      const { bytes, error } = await get(server.addresses[0]!, name);
      return error ? `ERROR ${error.code} ${error.message}` : bytes.toString();
    },
  };
}
