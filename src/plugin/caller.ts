/**
 * Calls the hooks of plugins. Each call has a time limit and an entry in the trace, and its failure names the plugin. It does not
 * know how the answers of several plugins combine.
 */
import type { Clock } from '../base/clock.ts';
import { limit, TimeLimitError } from '../base/limit.ts';
import { boundLog, type Log } from '../base/log.ts';
import { INTERNAL, NOT_FOUND, Refusal } from '../base/refusal.ts';
import type { Content } from '../content/content.ts';
import { cleanName } from '../content/name.ts';
import { closeUnwanted } from '../content/unwanted.ts';
import { type Activity, during } from './activity.ts';
import { PluginError } from './error.ts';
import { callHook } from './hook.ts';
import { type AnswerContext, describeOpened, fileName, type Opened, type RouteOptions } from './route.ts';
import type { StartedPlugin } from './setup.ts';
import { describeError, TracedFolder, type TraceEntry } from './trace.ts';
import type { Call, Folder, Hooks, IdentitySource } from './types.ts';

export type HookName = keyof Hooks;

export interface CallerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The config's root directory. */
  readonly root: Folder;
  /** Time limit of a call for a request. */
  readonly hookMs: number;
  /** Time limit of a call without one. */
  readonly setupMs: number;
  readonly activity?: Activity | undefined;
  /** {@link Call.sources} */
  readonly sources: () => readonly IdentitySource[];
}

/** One hook of one plugin, and its input. */
export interface Question {
  readonly plugin: StartedPlugin;
  readonly hook: HookName;
  /** For the trace: an address or a name. */
  readonly about: string;
  readonly input: unknown;
}

/** How an answer is handled. */
export interface AnswerHandler<Result> {
  /** Checks an answer; throws an Error that says what is wrong with it. */
  accept(answer: unknown, context: AnswerContext): Result | Promise<Result>;
  /** For the trace; `undefined`: no answer. */
  describe(result: Result): string | undefined;
  /** Closes an answer that came too late. */
  discard?(answer: unknown): void;
}

export class HookCaller {
  readonly #options: CallerOptions;
  /** Calls of observers in progress. */
  readonly #observing = new Set<Promise<void>>();

  constructor(options: CallerOptions) {
    this.#options = options;
  }

  /** Calls a hook for a request. Throws the client's refusal, or the signal's reason. */
  ask<Result>(question: Question, handler: AnswerHandler<Result>, options: RouteOptions): Promise<Result> {
    const { plugin, hook, about } = question;
    return this.#traced(plugin, hook, about, options, handler.describe, async (entry, root) => {
      const { clock, hookMs, sources } = this.#options;
      const log = () => this.#logOf(plugin, options.log);
      const { counters } = plugin;
      const callOptions = {
        clock,
        counters,
        hookMs,
        root,
        sources,
        log,
        notes: entry,
        discard: handler.discard,
        signal: options.signal,
      };
      const answer = await callHook((call) => this.#call(question, call), callOptions);
      return handler.accept(answer, {
        plugin: plugin.name,
        confine: (name) => this.#confine(question, name, options),
        open: async (name) => {
          const opened = await this.#open(plugin.name, this.#confine(question, name, options), root, options);
          if (opened === undefined) throw NOT_FOUND;
          return opened;
        },
      });
    });
  }

  /** Opens a file of the root directory; `undefined` if there is none. */
  openRoot(name: string, options: RouteOptions): Promise<Opened | undefined> {
    return this.#traced(
      undefined,
      'open',
      name,
      options,
      (opened) => opened && describeOpened(opened),
      async (entry, root) => {
        const opened = await this.#open(undefined, name, root, options);
        if (opened === undefined && entry) entry.error = describeError(NOT_FOUND, options.describe);
        return opened;
      },
    );
  }

  /** Calls a hook that only observes. Returns at once; failures are logged. */
  notify(question: Question, transfer: number): void {
    const { plugin, hook } = question;
    const { clock, hookMs, root, log } = this.#options;
    const ofTransfer = (): Log => boundLog(log, { transfer });
    const failed = (error: unknown): void => this.#logFailure(plugin, hook, error, ofTransfer());
    try {
      const { counters } = plugin;
      const callOptions = { clock, counters, hookMs, root, log: () => this.#logOf(plugin, ofTransfer()) };
      const observed = callHook((call) => this.#call(question, call), callOptions);
      if (observed === undefined) return;
      const observing = Promise.resolve(observed)
        .then(() => {}, failed)
        .finally(() => this.#observing.delete(observing));
      this.#observing.add(observing);
    } catch (error) {
      failed(error);
    }
  }

  /** Calls a hook without a request. Throws what the hook threw. */
  async survey(plugin: StartedPlugin, hook: HookName, more: object = {}): Promise<unknown> {
    const { clock, setupMs, root, sources, log } = this.#options;
    const { counters } = plugin;
    const callOptions = { clock, counters, hookMs: setupMs, root, sources, log: () => log.child({ plugin: plugin.name }) };
    const ask = (call: Call) => (plugin.hooks[hook] as ((call: Call) => unknown) | undefined)?.(Object.assign(call, more));
    return callHook((call) => during(this.#options.activity, plugin.name, hook, () => ask(call)), callOptions);
  }

  /** Resolves when no observer is running. */
  async idle(): Promise<void> {
    await Promise.all(this.#observing);
  }

  #call({ plugin, hook, input }: Question, call: Call): unknown {
    // The table pairs each hook with its input.
    const hooks = plugin.hooks as unknown as Readonly<Record<HookName, (input: unknown, call: Call) => unknown>>;
    return during(this.#options.activity, plugin.name, hook, () => hooks[hook](input, call));
  }

  /** Traces the result of `work` and its duration. */
  async #traced<Result>(
    plugin: StartedPlugin | undefined,
    hook: TraceEntry['hook'],
    about: string,
    options: RouteOptions,
    describe: (result: Result) => string | undefined,
    work: (entry: TraceEntry | undefined, root: Folder) => Promise<Result>,
  ): Promise<Result> {
    const { clock, root } = this.#options;
    const begun = options.trace && clock.now();
    const entry: TraceEntry | undefined = options.trace && { plugin: plugin?.name, hook, before: about, ms: 0, lookups: [] };
    if (entry) options.trace?.push(entry);
    try {
      const result = await work(entry, entry ? new TracedFolder(root, entry.lookups, options.describe) : root);
      const after = entry && describe(result);
      if (entry && after !== undefined) entry.after = after;
      return result;
    } catch (error) {
      if (entry) entry.error = describeError(error, options.describe);
      throw this.#refusal(error, plugin, hook, options);
    } finally {
      if (entry && begun !== undefined) entry.ms = Math.round((clock.now() - begun) * 1000) / 1000;
    }
  }

  /**
   * The error to rethrow: the signal's reason, a `Refusal`, or `internal` for a failure whose details the client must not see.
   */
  #refusal(error: unknown, plugin: StartedPlugin | undefined, hook: HookName, options: RouteOptions): unknown {
    if (error instanceof Refusal || isAborted(error, options)) return error;
    if (plugin) this.#logFailure(plugin, hook, error, options.log);
    else (options.log ?? this.#options.log).error({ err: error }, 'root directory failed');
    return INTERNAL;
  }

  #confine({ plugin, hook }: Question, name: string, options: RouteOptions): string {
    try {
      return cleanName(name);
    } catch (error) {
      // The client gets the answer that a request for this name would get; the log names the plugin. If the client's own name was
      // unservable, the plugin is not to blame for what is left of it.
      if (options.unservable !== undefined) throw error;
      const cause = new PluginError(
        plugin.name,
        hook,
        `returned a name that is refused: ${describeError(error, options.describe)}`,
      );
      this.#logOf(plugin, options.log).warn({ err: cause, hook, returned: name }, 'plugin failed');
      throw error;
    }
  }

  async #open(plugin: string | undefined, name: string, root: Folder, { signal }: RouteOptions): Promise<Opened | undefined> {
    const { clock } = this.#options;
    const content = await limit<Content | undefined>(root.open(name), { clock, signal, onLate: closeUnwanted });
    return content && { content, served: fileName(content) ?? name, plugin };
  }

  #logOf(plugin: StartedPlugin, log = this.#options.log): Log {
    return boundLog(log, { plugin: plugin.name });
  }

  #logFailure(plugin: StartedPlugin, hook: HookName, cause: unknown, log: Log | undefined): void {
    plugin.counters.add(cause instanceof TimeLimitError ? 'hook.timeouts' : 'hook.errors');
    this.#logOf(plugin, log).error({ err: new PluginError(plugin.name, hook, cause), hook }, 'plugin failed');
  }
}

/** Whether the request was aborted and this is the reason. */
export function isAborted(error: unknown, { signal }: RouteOptions): boolean {
  return signal?.aborted === true && error === signal.reason;
}
