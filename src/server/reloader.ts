/**
 * Reloads a server when its config file changes: one reload at a time, the last save wins, and a mistake only causes a message.
 * It decides when to reload; the {@link Server} performs the reload, and the loader reads the files.
 */

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { ConfigError } from '../config/error.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Watcher } from '../config/watch.ts';
import type { Server } from './server.ts';

export interface ReloaderOptions {
  readonly server: Server;
  readonly log: Log;
  readonly clock: Clock;
  /** Reads the config again. @param files the files of the last load */
  load(files: readonly string[]): Promise<LoadedConfig>;
  /** Called after each reload to review the config in force as `pxe check` would. Must not reject. */
  review?(): Promise<void>;
  /** Makes the watcher that calls `changed`; `undefined`: reload only on request. */
  watcher?(changed: (files: readonly string[]) => void): Watcher;
}

/** Why a reload is requested. */
interface Wanted {
  readonly reason: string;
  readonly changed: readonly string[];
}

/** Maximum lag of file timestamps. */
const TICK_MS = 10;

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #watcher: Watcher | undefined;
  /** Files of the last load, whether or not it succeeded. */
  #files: readonly string[];
  #wanted: Wanted | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param files the files of the config in force */
  constructor(options: ReloaderOptions, files: readonly string[]) {
    this.#options = options;
    this.#files = files;
    this.#watcher = options.watcher?.((changed) => this.request(`changed: ${changed.join(', ')}`, changed));
  }

  /** Starts watching. @param since when the config in force was read, ms since the epoch */
  async start(since: number): Promise<void> {
    await this.#watcher?.watch([...this.#files, ...this.#options.server.watched], since);
  }

  /**
   * Requests a reload; requests during a reload cause one more. Resolves when no reload is left to do.
   * @param changed the files that caused it
   */
  request(reason: string, changed: readonly string[] = []): Promise<void> {
    this.#wanted = { reason, changed: [...new Set([...(this.#wanted?.changed ?? []), ...changed])] };
    this.#running ??= this.#run();
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#watcher?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined && !this.#stopped) {
      const wanted = this.#wanted;
      this.#wanted = undefined;
      await this.#reload(wanted);
    }
    // Nothing is awaited after the last check, so a later request starts a new loop.
    this.#running = undefined;
  }

  async #reload({ reason, changed }: Wanted): Promise<void> {
    const { server, log, clock } = this.#options;
    // A file written right after it was loaded may have an earlier timestamp, because the kernel's clock is coarse.
    const since = clock.wallTime() - TICK_MS;
    log.info({ reason }, 'reload started');
    try {
      const { config, files } = await this.#options.load(this.#files);
      this.#files = files;
      if (this.#stopped) return;
      const { machines } = await server.reload(config, changed);
      // Logged after the reload's own line.
      void machines.then(() => this.#options.review?.());
    } catch (error) {
      // The files of an invalid config are watched, too, because a change of any of them may correct it.
      if (error instanceof ConfigError) this.#files = [...new Set([...this.#files, ...error.files])];
      server.reloadFailed(error);
    }
    if (!this.#stopped) await this.#watcher?.watch([...new Set([...this.#files, ...server.watched])], since);
  }
}
