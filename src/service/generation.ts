/**
 * A generation: one config, loaded, with its plugins set up and its folders opened, and the leases of the exchanges that began
 * under it. It may not be changed once started, and it is disposed of exactly once: when it is retired and the last lease is back.
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
import type { Surroundings } from '../plugin/setup.ts';
import type { Stats } from '../stats/stats.ts';

/** What a generation is started in; the server's own, whatever the config. */
export interface World {
  readonly log: Log;
  readonly clock: Clock;
  readonly disks: Disks;
  readonly cache: SegmentCache;
  /** Told whose code runs. */
  readonly activity?: Activity | undefined;
  /** What plugins keep beyond their generation. */
  readonly kept?: KeptState;
  /** What happens is counted in it. */
  readonly stats?: Stats;
}

/** Keeps a generation from being disposed of until it is released. */
export interface Lease {
  readonly generation: Generation;
  /** A second call does nothing. */
  release(): void;
}

export class Generation {
  /** Counts from 1; a reload that failed counts for nothing. */
  readonly number: number;
  readonly config: ResolvedConfig;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  /** Where uploads go that no plugin takes; without one they are refused. */
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
   * Sets everything up. Throws a `PluginError`, and nothing is left, if a plugin's `setup` fails.
   * @param watch told each file that a plugin wants watched, also by a `setup` that fails afterwards
   * @param failed {@link Surroundings.failed}
   */
  static async start(
    number: number,
    config: ResolvedConfig,
    world: World,
    watch: (path: string) => void = () => {},
    failed?: Surroundings['failed'],
  ): Promise<Generation> {
    const { rootDir, followLinks, caseInsensitive, stableMs, stableWaitMs, limits, tftp } = config;
    const { clock, cache, disks, stats: counters } = world;
    const disk = (dir: string) => disks.folder(dir, { callMs: limits.diskMs, transferMs: tftp.limits.idleMs });
    const options = { clock, cache, followLinks, caseInsensitive, stableMs, stableWaitMs, readMs: limits.diskMs };
    const folder = (dir: string) => new Root(dir, { ...options, fileSystem: disk(dir) });
    const pipeline = await Pipeline.start(config.plugins, {
      ...world,
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
    return new Generation(number, config, world.clock, pipeline, uploads);
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

  /** There is a newer one, or the server stops: no more leases are taken. Disposed of with the last one. */
  retire(): void {
    this.#retired = true;
    this.#disposeIfDue();
  }

  #disposeIfDue(): void {
    if (this.#retired && this.#leases === 0) this.#dispose();
  }
}
