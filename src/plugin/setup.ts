/**
 * The lifetime of plugins: `setup` and disposal. It does not know requests.
 */
import { resolve } from 'node:path';
import type { Awaitable } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Issue } from '../base/issue.ts';
import { limit } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { type PluginCounters, Stats } from '../stats/stats.ts';
import { type Activity, during } from './activity.ts';
import { expectHooks } from './answers.ts';
import { PluginError } from './error.ts';
import { KeptState } from './kept.ts';
import type { ReadyPlugin } from './ready.ts';
import { otherFolder } from './route.ts';
import type { Folder, Hooks, PluginContext, SightingsView } from './types.ts';

/** The environment that plugins are set up in. */
export interface PluginEnvironment {
  readonly log: Log;
  readonly clock: Clock;
  /** Absolute path; relative paths of plugins start here. */
  readonly configDir: string;
  /** Makes a confined folder of an absolute path. */
  folder(path: string): Folder;
  /** Called with each absolute path that a plugin wants watched, even if its `setup` fails afterwards. */
  watch(path: string): void;
  /** Records whose code is running. */
  readonly activity?: Activity | undefined;
  /** Values that plugins keep across generations. */
  readonly kept?: KeptState | undefined;
  /** Counters. */
  readonly stats?: Stats;
  /** The machines that the server has seen; default: none. */
  readonly sightings?: SightingsView | undefined;
  /** {@link PluginContext.caseInsensitive}; default false. */
  readonly caseInsensitive?: boolean;
  /**
   * Called with the problem of a plugin and its index in the config; the other plugins are set up nevertheless. Without it, the
   * first failing plugin ends the start.
   */
  failed?(index: number, problem: PluginError | readonly Issue[]): void;
  /** Time limit of each `setup` and of each function passed to `onDispose`. */
  readonly setupMs: number;
}

/** A plugin that has been set up. */
export interface StartedPlugin {
  readonly name: string;
  readonly hooks: Hooks;
  readonly logsEnds: boolean;
  /** Counters of its hooks. */
  readonly counters: PluginCounters;
}

/**
 * Sets the plugins up in sequence. If one fails, the others are disposed of and its `PluginError` is thrown, unless
 * {@link PluginEnvironment.failed} takes it.
 */
export async function setUpAll(
  plugins: readonly ReadyPlugin[],
  env: PluginEnvironment,
  disposers: Disposers,
  hookNames: readonly string[],
): Promise<readonly StartedPlugin[]> {
  const started: StartedPlugin[] = [];
  try {
    const stats = env.stats ?? new Stats();
    const whole = { ...env, kept: env.kept ?? new KeptState(), stats };
    for (const [index, plugin] of plugins.entries()) {
      const place = started.filter(({ name }) => name === plugin.plugin.name).length;
      try {
        started.push(await setUp(plugin, { index, place }, whole, disposers, hookNames));
      } catch (error) {
        if (env.failed === undefined || !(error instanceof PluginError)) throw error;
        env.failed(index, error);
        const { name } = plugin.plugin;
        started.push({ name, hooks: {}, logsEnds: false, counters: stats.plugin(name) });
      }
    }
    return started;
  } catch (error) {
    await disposers.dispose();
    throw error;
  }
}

/**
 * Sets one plugin up. Functions that it passes to `onDispose` are added to `disposers`, even if its `setup` fails. Throws a
 * `PluginError`.
 * @param at its index in the config, and among the plugins of its name
 */
async function setUp(
  { plugin, options }: ReadyPlugin,
  { index, place }: { readonly index: number; readonly place: number },
  env: PluginEnvironment & { readonly kept: KeptState; readonly stats: Stats },
  disposers: Disposers,
  hookNames: readonly string[],
): Promise<StartedPlugin> {
  const context: PluginContext = {
    log: env.log.child({ plugin: plugin.name }),
    configDir: env.configDir,
    onDispose: (dispose) => disposers.add(plugin.name, dispose),
    keep: (name, make) => {
      const { value, release } = env.kept.take(JSON.stringify([plugin.name, place, name]), make);
      disposers.add(plugin.name, release);
      return value;
    },
    stats: () => env.stats.snapshot(),
    sightings: env.sightings ?? NO_SIGHTINGS,
    watch: (path) => env.watch(resolve(env.configDir, path)),
    folder: (path) => otherFolder(env.folder(resolve(env.configDir, path))),
    caseInsensitive: env.caseInsensitive ?? false,
    tolerate: env.failed && ((issues) => env.failed?.(index, issues)),
  };
  try {
    const made = (async () => during(env.activity, plugin.name, 'setup', () => plugin.definition.setup(options, context)))();
    const hooks = expectHooks(await limit(made, { clock: env.clock, ms: env.setupMs }), hookNames);
    const counters = env.stats.plugin(plugin.name);
    return { name: plugin.name, hooks, logsEnds: plugin.definition.logsEnds === true, counters };
  } catch (error) {
    throw new PluginError(plugin.name, 'setup', error);
  }
}

const NO_SIGHTINGS: SightingsView = Object.freeze({ byAddress: () => undefined });

/** Functions that release resources at the end: called once, last in, first out. */
export class Disposers {
  readonly #env: PluginEnvironment;
  readonly #stack: { readonly plugin: string; readonly dispose: () => Awaitable<void> }[] = [];
  #disposed: Promise<void> | undefined;

  constructor(env: PluginEnvironment) {
    this.#env = env;
  }

  /** A function that is added after the end, by a `setup` that timed out but still runs, is called at once. */
  add(plugin: string, dispose: () => Awaitable<void>): void {
    this.#stack.push({ plugin, dispose });
    if (this.#disposed) this.#disposed = this.#disposed.then(() => this.#unwind());
  }

  /** Never rejects: a failure is logged, and the next function is called. Every call resolves when all functions have run. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#unwind();
    return this.#disposed;
  }

  async #unwind(): Promise<void> {
    const { clock, setupMs, log, activity } = this.#env;
    for (let top = this.#stack.pop(); top; top = this.#stack.pop()) {
      const { plugin, dispose } = top;
      try {
        await limit((async () => during(activity, plugin, 'dispose', dispose))(), { clock, ms: setupMs });
      } catch (error) {
        log.error({ err: new PluginError(plugin, 'dispose', error), plugin, hook: 'dispose' }, 'plugin failed');
      }
    }
  }
}
