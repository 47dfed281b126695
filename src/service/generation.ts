/**
 * A generation: a loaded config with its plugins set up and its folders opened, and the leases of the exchanges that began under
 * it. It is immutable once started, and is disposed of exactly once, when it is retired and the last lease is released.
 */

import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { SegmentCache } from '../content/cache.ts';
import type { Disks } from '../content/disks.ts';
import { Root } from '../content/root.ts';
import { UploadFolder } from '../content/upload.ts';
import type { Activity } from '../plugin/activity.ts';
import type { KeptState } from '../plugin/kept.ts';
import { Pipeline } from '../plugin/pipeline.ts';
import type { PluginEnvironment } from '../plugin/setup.ts';
import type { SightingsView } from '../plugin/types.ts';
import type { Stats } from '../stats/stats.ts';

/** The server's environment of a generation, independent of the config. */
export interface Runtime {
  readonly log: Log;
  readonly clock: Clock;
  readonly disks: Disks;
  /** Time limit of a read during a transfer, in ms, by the services. */
  readonly readMs: (config: ResolvedConfig) => number;
  readonly cache: SegmentCache;
  /** Records whose code is running. */
  readonly activity?: Activity | undefined;
  /** State of plugins that outlives a generation. */
  readonly kept?: KeptState;
  /** Counters. */
  readonly stats?: Stats;
  /** The machines that the server has seen. */
  readonly sightings?: SightingsView;
}

/** Keeps a generation alive until it is released. */
export interface Lease {
  readonly generation: Generation;
  /** Further calls have no effect. */
  release(): void;
}

export class Generation {
  /** Counts from 1, without failed reloads. */
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  /** Destination of uploads that no plugin accepts; without it they are refused. */
  readonly uploads: UploadFolder | undefined;
  readonly disposed: Promise<void>;
  #leases = 0;
  #retired = false;
  #dispose!: () => void;

  private constructor(
    number: number,
    config: ResolvedConfig,
    clock: Clock,
    pipeline: Pipeline,
    uploads: UploadFolder | undefined,
  ) {
    this.number = number;
    this.config = config;
    this.clock = clock;
    this.pipeline = pipeline;
    this.uploads = uploads;
    this.disposed = new Promise<void>((resolve) => {
      this.#dispose = resolve;
    }).then(() => pipeline.dispose());
  }

  /**
   * Sets everything up. If a plugin's `setup` fails, it throws a `PluginError` and leaves nothing behind.
   * @param watch called with each file that a plugin wants watched, even if its `setup` fails afterwards
   * @param failed {@link PluginEnvironment.failed}
   */
  static async start(
    number: number,
    config: ResolvedConfig,
    runtime: Runtime,
    watch: (path: string) => void = () => {},
    failed?: PluginEnvironment['failed'],
  ): Promise<Generation> {
    const { rootDir, followLinks, caseInsensitive, stableMs, stableWaitMs, limits } = config;
    const { clock, cache, disks, stats: counters } = runtime;
    const transferMs = runtime.readMs(config);
    const disk = (dir: string) => disks.folder(dir, { callMs: limits.diskMs, transferMs });
    const options = { clock, cache, followLinks, caseInsensitive, stableMs, stableWaitMs, readMs: limits.diskMs };
    const folder = (dir: string) => new Root(dir, { ...options, fileSystem: disk(dir) });
    const pipeline = await Pipeline.start(config.plugins, {
      ...runtime,
      configDir: config.dir,
      caseInsensitive,
      ...(failed ? { failed } : {}),
      root: folder(rootDir),
      folder,
      watch,
      hookMs: limits.hookMs,
      setupMs: limits.setupMs,
    });
    const uploads =
      config.uploads &&
      new UploadFolder({ ...config.uploads, followLinks, clock, counters, fileSystem: disk(config.uploads.dir) });
    return new Generation(number, config, runtime.clock, pipeline, uploads);
  }

  get leases(): number {
    return this.#leases;
  }

  lease(): Lease {
    this.#leases++;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#leases--;
      this.#disposeIfDue();
    };
    return { generation: this, release };
  }

  /**
   * Called when a newer generation replaces this one, or the server stops. No more leases are granted; the generation is disposed
   * of after the last one.
   */
  retire(): void {
    this.#retired = true;
    this.#disposeIfDue();
  }

  #disposeIfDue(): void {
    if (this.#retired && this.#leases === 0) this.#dispose();
  }
}
