/**
 * The config file of a simulation: saved as plans, read by a `load` that fails where the plan says, watched by a watcher that
 * keeps to the contract of the real one.
 */

import { sleep } from '../../src/base/clock.ts';
import { limit } from '../../src/base/limit.ts';
import type { Config } from '../../src/config/config.ts';
import { ConfigError } from '../../src/config/error.ts';
import type { LoadedConfig } from '../../src/config/load.ts';
import type { ResolvedConfig } from '../../src/config/resolve.ts';
import type { Watcher } from '../../src/config/watch.ts';
import { resolveConfig } from '../kit/config.ts';
import type { Random } from '../kit/random.ts';
import { type Plan, UPLOADS } from './plan.ts';
import { pluginsOf } from './plugins.ts';
import type { World } from './world.ts';

const FILE = '/etc/pxe.config.ts';
const IMPORTED = '/etc/plugin.ts';
/** Imported by every other plan, so that what is watched changes, too. */
const SOMETIMES = '/etc/sometimes.ts';
const IMPORT_MS = 400;
const QUIET_MS = 50;

export class ConfigFile {
  saved: Plan;
  loads = 0;
  /** What the last load found. */
  loaded: Plan | undefined;
  readonly #world: World;
  readonly #random: Random;
  /** Takes a restart to change. */
  readonly #singlePort: boolean;
  readonly #plans = new WeakMap<ResolvedConfig, Plan>();
  /** Wall time of the last change, by file. */
  readonly #changed = new Map<string, number>();
  readonly #watchers = new Set<(file: string) => void>();

  constructor(world: World, plan: Plan) {
    this.#world = world;
    this.#random = world.random('loader');
    this.#singlePort = this.#random.chance(0.2);
    if (this.#singlePort) world.count('single port');
    this.saved = plan;
  }

  /** Somebody saves. */
  save(plan: Plan, file = plan.save % 3 === 0 ? IMPORTED : FILE): void {
    this.saved = plan;
    this.change(file);
  }

  change(file: string): void {
    this.#changed.set(file, this.#world.wallTime);
    for (const tell of this.#watchers) tell(file);
  }

  planOf(config: ResolvedConfig): Plan {
    return this.#plans.get(config)!;
  }

  resolved(plan: Plan): ResolvedConfig {
    const config = resolveConfig(inputOf(this.#world, plan, this.#singlePort), { dir: '/etc', file: FILE });
    this.#plans.set(config, plan);
    return config;
  }

  /** As `load` does: takes time, and reads what is saved at some moment of it. */
  async load(): Promise<LoadedConfig> {
    const { clock } = this.#world;
    this.loads++;
    await sleep(clock, this.#random.int(1, 40));
    const plan = { ...this.saved, number: this.loads };
    this.loaded = plan;
    const files = plan.number % 2 === 0 ? [FILE, IMPORTED] : [FILE, IMPORTED, SOMETIMES];
    await sleep(clock, this.#random.int(1, 40));
    if (plan.failure === 'syntax') {
      const place = { file: IMPORTED, line: 3, text: 'const = 1' };
      throw new ConfigError(IMPORTED, [{ path: [], message: 'unexpected token' }], { place, files });
    }
    if (plan.failure === 'import') {
      await limit(new Promise<never>(() => {}), { clock, ms: IMPORT_MS }).catch((error: unknown) => {
        throw new ConfigError(FILE, [{ path: [], message: 'was not imported in time' }], { files, cause: error });
      });
    }
    try {
      return { file: FILE, files, config: this.resolved(plan) };
    } catch (error) {
      if (error instanceof ConfigError && error.issues.length !== 3)
        this.#world.violated(`three plugins with wrong options are told as ${error.issues.length} problems: ${error.message}`);
      throw error;
    }
  }

  get initialFiles(): readonly string[] {
    return [FILE, IMPORTED];
  }

  watcher(changed: (files: readonly string[]) => void): Watcher {
    const { clock } = this.#world;
    let watched = new Set<string>();
    let burst = new Set<string>();
    let cancel = () => {};
    const tell = (file: string): void => {
      if (!watched.has(file)) return;
      burst.add(file);
      cancel();
      cancel = clock.setTimeout(() => {
        const files = [...burst];
        burst = new Set();
        changed(files);
      }, QUIET_MS);
    };
    this.#watchers.add(tell);
    return {
      watch: async (files, since) => {
        await this.#world.work(this.#random() * 5);
        const late = files.filter((file) => !watched.has(file) && (this.#changed.get(file) ?? 0) > since);
        watched = new Set(files);
        if (late.length > 0) changed(late);
      },
      close: async () => {
        this.#watchers.delete(tell);
        cancel();
      },
    };
  }
}

function inputOf(world: World, plan: Plan, singlePort: boolean): Config {
  const { listen, rootDir, uploads, stableMs, stableWaitMs, caseInsensitive } = plan;
  const { hookMs, setupMs, ...tftpLimits } = plan.limits;
  return {
    tftp: { listen, singlePort, limits: tftpLimits },
    ...(plan.dhcp === 'off'
      ? {}
      : { dhcp: { bootServerOnly: plan.dhcp === 'boot server only', relays: ['10.8.0.0/24'], limits: { exchanges: 5 } } }),
    rootDir,
    limits: { hookMs, setupMs },
    stableMs,
    stableWaitMs,
    caseInsensitive,
    ...(uploads ? { uploads: { dir: UPLOADS, maxBytes: 150_000 } } : {}),
    plugins: pluginsOf(world, plan),
  };
}
