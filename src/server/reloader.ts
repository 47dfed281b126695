/**
 * Keeps a server in step with its config file: one reload at a time, the last save wins, and a mistake costs a message.
 * It decides when; what a reload does is the {@link Server}'s business, and what a file means the loader's.
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
  /** Reads the config anew. @param files what it was made of when it was last read */
  load(files: readonly string[]): Promise<LoadedConfig>;
  /** Looks at what is in force now, after each reload: what `pxe check` would find. Must not reject. */
  review?(): Promise<void>;
  /** Makes the watcher that calls `changed`; `undefined`: reload only when asked to. */
  watcher?(changed: (files: readonly string[]) => void): Watcher;
}

/** Why a reload is wanted. */
interface Wanted {
  readonly reason: string;
  readonly changed: readonly string[];
}

/** Stamps of files lag behind by no more than this. */
const TICK_MS = 10;

export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #watcher: Watcher | undefined;
  /** What the last load read, whether or not it succeeded. */
  #files: readonly string[];
  #wanted: Wanted | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  /** @param files what the config in force was made of */
  constructor(options: ReloaderOptions, files: readonly string[]) {
    this.#options = options;
    this.#files = files;
    this.#watcher = options.watcher?.((changed) => this.request(`changed: ${changed.join(', ')}`, changed));
  }

  /** Begins to watch. @param since when the config in force was read, ms since the epoch */
  async start(since: number): Promise<void> {
    await this.#watcher?.watch([...this.#files, ...this.#options.server.watched], since);
  }

  /**
   * Asks for a reload; requests that come while one runs are one more reload. Resolves when there is nothing left to do.
   * @param changed the files that are the reason
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
    // With nothing awaited after the last look: a request from here on begins anew.
    this.#running = undefined;
  }

  async #reload({ reason, changed }: Wanted): Promise<void> {
    const { server, log, clock } = this.#options;
    // A file that is written right after the load has missed it may bear a stamp from before: the kernel's clock ticks coarsely.
    const since = clock.wallTime() - TICK_MS;
    log.info({ reason }, 'reload started');
    try {
      const { config, files } = await this.#options.load(this.#files);
      this.#files = files;
      if (this.#stopped) return;
      const { machines } = await server.reload(config, changed);
      // After the reload's own line.
      void machines.then(() => this.#options.review?.());
    } catch (error) {
      // What a broken config is made of is watched, too: the next good save may be of any of these files.
      if (error instanceof ConfigError) this.#files = [...new Set([...this.#files, ...error.files])];
      server.reloadFailed(error);
    }
    if (!this.#stopped) await this.#watcher?.watch([...new Set([...this.#files, ...server.watched])], since);
  }
}
