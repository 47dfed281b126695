/**
 * A plugin's life: `setup`, and what it wants done at its end. Knows nothing of requests.
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
  /** Absolute; relative paths of plugins start here. */
  readonly configDir: string;
  /** Makes a confined folder of an absolute path. */
  folder(path: string): Folder;
  /** Told each absolute path that a plugin wants watched, also those of a `setup` that fails afterwards. */
  watch(path: string): void;
  /** Told whose code runs. */
  readonly activity?: Activity | undefined;
  /** What plugins keep beyond their generation. */
  readonly kept?: KeptState | undefined;
  /** What happens is counted in it. */
  readonly stats?: Stats;
  /** The machines that the server has seen; default: none. */
  readonly sightings?: SightingsView | undefined;
  /** {@link PluginContext.caseInsensitive}; default false. */
  readonly caseInsensitive?: boolean;
  /**
   * Takes what is wrong with one of the plugins, by its place in the config; the others are set up all the same. Without it the first
   * plugin that fails ends the start.
   */
  failed?(index: number, problem: PluginError | readonly Issue[]): void;
  /** Time limit of each `setup`, and of each function that `onDispose` was given. */
  readonly setupMs: number;
}

/** A plugin that has been set up. */
export interface StartedPlugin {
  readonly name: string;
  readonly hooks: Hooks;
  readonly logsEnds: boolean;
  /** What its hooks do is counted there. */
  readonly counters: PluginCounters;
}

/**
 * Sets the plugins up, one after the other. If one fails, what was made is disposed of and its `PluginError` thrown, unless
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
 * Sets one plugin up. What it gives to `onDispose` lands in `disposers`, whether or not it gets to its end. Throws `PluginError`.
 * @param at its place in the config, and among the plugins of its name
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

/** What is to be given back at the end: last in, first out, once. */
export class Disposers {
  readonly #env: PluginEnvironment;
  readonly #stack: { readonly plugin: string; readonly dispose: () => Awaitable<void> }[] = [];
  #disposed: Promise<void> | undefined;

  constructor(env: PluginEnvironment) {
    this.#env = env;
  }

  /** Added after the end (by a `setup` that was given up and goes on nevertheless), it runs at once. */
  add(plugin: string, dispose: () => Awaitable<void>): void {
    this.#stack.push({ plugin, dispose });
    if (this.#disposed) this.#disposed = this.#disposed.then(() => this.#unwind());
  }

  /** Never rejects: a failure is logged, and the next one takes its turn. Every call returns when all is done. */
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
