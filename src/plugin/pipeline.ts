/**
 * All plugins of a config, set up, in order; and the one way a request takes through them, for the server and for
 * `pxe explain` alike. Knows no packets and keeps nothing of a request.
 */

import { limit, TimeLimitError } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { boundLog } from '../base/log.ts';
import { INTERNAL, NOT_FOUND, Refusal } from '../base/refusal.ts';
import { Slices } from '../base/time-slices.ts';
import { bytesContent } from '../content/bytes.ts';
import type { Content } from '../content/content.ts';
import { cleanName } from '../content/name.ts';
import { abortUnwanted, closeUnwanted } from '../content/unwanted.ts';
import { Stats } from '../stats/stats.ts';
import { during } from './activity.ts';
import { expectHost, expectIdentities, expectName, expectOpened, expectSources, expectStored, hookNames } from './answers.ts';
import { PluginError } from './error.ts';
import { factNames, givenIdentity, withIdentity } from './facts.ts';
import { callHook } from './hook.ts';
import { KeptState } from './kept.ts';
import type { ReadyPlugin } from './ready.ts';
import {
  describeOpened,
  fileName,
  type Opened,
  type ReadRoute,
  type RouteOptions,
  type Stored,
  type WriteRoute,
} from './route.ts';
import { Disposers, type StartedPlugin, type Surroundings, setUp } from './setup.ts';
import { surveyFindings, surveyMachines } from './survey.ts';
import { describeError, describeFacts, TracedFolder, type TraceEntry } from './trace.ts';
import type {
  Call,
  Client,
  Finding,
  Folder,
  Hooks,
  IdentitySource,
  ListedRequest,
  Machine,
  ReadRequest,
  RequestInfo,
  TransferInfo,
  TransferSummary,
  WriteRequest,
} from './types.ts';

export interface PipelineSurroundings extends Surroundings {
  /** The config's root directory. */
  readonly root: Folder;
  /** Time limit of each call of a hook. */
  readonly hookMs: number;
}

export class Pipeline {
  readonly #plugins: readonly StartedPlugin[];
  readonly #byHook: { readonly [hook in keyof Hooks]?: readonly StartedPlugin[] };
  readonly #around: PipelineSurroundings;
  readonly #disposers: Disposers;
  /** Observers at work; awaited before the plugins are disposed of. */
  readonly #watching = new Set<Promise<void>>();
  #disposed: Promise<void> | undefined;
  #sources: readonly IdentitySource[] | undefined;

  private constructor(plugins: readonly StartedPlugin[], around: PipelineSurroundings, disposers: Disposers) {
    this.#plugins = plugins;
    this.#byHook = Object.fromEntries(
      hookNames.map((hook) => [hook, plugins.filter((plugin) => plugin.hooks[hook] !== undefined)]),
    );
    this.#around = around;
    this.#disposers = disposers;
  }

  /**
   * Sets the plugins up, one after the other. If one fails, what was made is disposed of and its `PluginError` thrown, unless
   * {@link Surroundings.failed} takes it.
   */
  static async start(plugins: readonly ReadyPlugin[], around: PipelineSurroundings): Promise<Pipeline> {
    const disposers = new Disposers(around);
    const started: StartedPlugin[] = [];
    try {
      const stats = around.stats ?? new Stats();
      const whole = { ...around, kept: around.kept ?? new KeptState(), stats };
      for (const [index, plugin] of plugins.entries()) {
        const place = started.filter(({ name }) => name === plugin.plugin.name).length;
        try {
          started.push(await setUp(plugin, { index, place }, whole, disposers));
        } catch (error) {
          if (around.failed === undefined || !(error instanceof PluginError)) throw error;
          around.failed(index, error);
          const { name } = plugin.plugin;
          started.push({ name, hooks: {}, logsEnds: false, counters: stats.plugin(name) });
        }
      }
    } catch (error) {
      await disposers.dispose();
      throw error;
    }
    return new Pipeline(started, around, disposers);
  }

  /** The whole way of one request. Rejects only with the reason of `signal`; what a client is to be told is `error`. */
  route(request: ReadRequest, options?: RouteOptions): Promise<ReadRoute>;
  route(request: WriteRequest, options?: RouteOptions): Promise<WriteRoute>;
  route(request: ReadRequest | WriteRequest, options?: RouteOptions): Promise<ReadRoute | WriteRoute>;
  async route(asked: ReadRequest | WriteRequest, options: RouteOptions = {}): Promise<ReadRoute | WriteRoute> {
    let request = asked;
    try {
      request = await this.host(await this.identify(request, options), options);
      request = await this.rewrite(request, options);
      if (request.kind === 'write') {
        const { sink, plugin } = (await this.store(request, options)) ?? {};
        if (typeof sink === 'string') return { request: { ...request, name: sink }, sink: undefined, plugin: undefined };
        return { request, sink, plugin };
      }
      return { request, ...(await this.open(request, options)) };
    } catch (error) {
      if (isAborted(error, options) || !(error instanceof Refusal)) throw error;
      // A name that no file can have goes no further than to the plugins that could have mended it.
      if (options.unservable !== undefined && request.name === asked.name) request = { ...request, name: '' };
      return { request, error } as ReadRoute | WriteRoute;
    }
  }

  /** Fills in which machine the client is: of each fact the first answer wins. What is known already stays as it is. */
  async identify<Request extends RequestInfo>(request: Request, options: RouteOptions = {}): Promise<Request> {
    let current = request;
    for (const plugin of this.#with('identify')) {
      if (factNames.every((fact) => current.client[fact] !== undefined)) break;
      const given = current;
      const identities = await this.#ask(plugin, 'identify', given.client.address, options, {
        ask: (call) => plugin.hooks.identify?.(given, call),
        take: (answer) => (answer === undefined ? [] : expectIdentities(answer)),
        tell: (taken) => describeFacts(taken.reduce(withIdentity, { address: '', port: 0 })),
      });
      const client = identities.reduce(withIdentity, given.client);
      if (client !== given.client) current = { ...given, client };
    }
    return current;
  }

  /** Fills in which of the config's machines the client is: the first answer wins. */
  async host<Request extends RequestInfo>(request: Request, options: RouteOptions = {}): Promise<Request> {
    for (const plugin of this.#with('host')) {
      const host = await this.#ask(plugin, 'host', request.client.mac ?? request.client.address, options, {
        ask: (call) => plugin.hooks.host?.(request, call),
        take: (answer) => (answer === undefined ? undefined : expectHost(answer)),
        tell: (taken) => taken && [taken.name, ...taken.groups].join(' < '),
      });
      if (host !== undefined) return { ...request, client: { ...request.client, host } };
    }
    return request;
  }

  /**
   * Each plugin gets what the one before it made of the request. Only the name can change, and it is cleaned like a client's.
   * Throws `unservable` where no plugin makes another name of such a one.
   */
  async rewrite<Request extends ReadRequest | WriteRequest>(request: Request, options: RouteOptions = {}): Promise<Request> {
    let current = request;
    for (const plugin of this.#with('rewrite')) {
      const given = current;
      const name = await this.#ask(plugin, 'rewrite', given.name, options, {
        ask: (call) => plugin.hooks.rewrite?.(given, call),
        take: (answer) => {
          const name = answer === undefined ? given.name : expectName(answer);
          return name === given.name ? undefined : this.#confine(plugin, 'rewrite', name, options);
        },
        tell: (taken) => taken,
      });
      if (name !== undefined) current = { ...current, name };
    }
    if (options.unservable !== undefined && current.name === request.name) throw options.unservable;
    return current;
  }

  /** The first plugin that answers decides; then the root directory. Throws a `Refusal`, `not-found` if there is no such file. */
  async open(request: ReadRequest, options: RouteOptions = {}): Promise<Opened> {
    for (const plugin of this.#with('open')) {
      const opened = await this.#ask(plugin, 'open', request.name, options, {
        ask: (call) => plugin.hooks.open?.(request, call),
        take: (answer, root) => (answer === undefined ? undefined : this.#taken(plugin, expectOpened(answer), root, options)),
        tell: (taken) => taken && describeOpened(taken),
        late: closeUnwanted,
      });
      if (opened) return this.#wanted(opened, options);
    }
    const entry = this.#begin(undefined, 'open', request.name, options);
    try {
      const opened = await this.#lookUp(undefined, request.name, this.#rootFor(entry, options), options);
      if (entry) this.#answered(entry, describeOpened(opened));
      return this.#wanted(opened, options);
    } catch (error) {
      throw this.#refusal(error, undefined, 'open', options, entry);
    } finally {
      this.#finish(entry);
    }
  }

  /** The first plugin that takes the upload, or says under which name `uploads` are to; `undefined` if none does. Throws a `Refusal`. */
  async store(request: WriteRequest, options: RouteOptions = {}): Promise<Stored | undefined> {
    for (const plugin of this.#with('store')) {
      const stored = await this.#ask(plugin, 'store', request.name, options, {
        ask: (call) => plugin.hooks.store?.(request, call),
        take: (answer) => {
          const taken = answer === undefined ? undefined : expectStored(answer);
          return typeof taken === 'string' ? this.#confine(plugin, 'store', taken, options) : taken;
        },
        tell: (taken) => taken && (typeof taken === 'string' ? taken : `plugin:${plugin.name}`),
        late: abortUnwanted,
      });
      if (stored === undefined) continue;
      if (options.signal?.aborted) abortUnwanted(stored);
      options.signal?.throwIfAborted();
      return { sink: stored, plugin: plugin.name };
    }
    return undefined;
  }

  /** Tells the observers that a transfer begins. Returns at once; what they do wrong is logged. */
  start(transfer: TransferInfo): void {
    for (const plugin of this.#with('start'))
      this.#tell(plugin, 'start', transfer, (call) => plugin.hooks.start?.(transfer, call));
  }

  /** Tells the observers that a request has ended. Returns at once; what they do wrong is logged. */
  end(summary: TransferSummary): void {
    for (const plugin of this.#with('end')) this.#tell(plugin, 'end', summary, (call) => plugin.hooks.end?.(summary, call));
  }

  /** Whether a plugin writes a line for each request that ends badly. */
  get logsEnds(): boolean {
    return this.#plugins.some(({ logsEnds }) => logsEnds);
  }
  /** What the plugins can find out of a client's identity, in the order in which they are asked. */
  readonly sources = (): readonly IdentitySource[] => {
    this.#sources ??= this.#with('identify').flatMap((plugin) => sourcesOf(plugin));
    return this.#sources;
  };

  /** The machines that the config lists. Throws a `PluginError`. */
  async machines(): Promise<readonly Machine[]> {
    return (await this.#machines()).map(({ fingerprint: _, ...machine }) => machine);
  }

  /** Whether a plugin lists machines. */
  get listsMachines(): boolean {
    return this.#with('machines').length > 0;
  }

  /** The same machines with what tells a change of what each gets. Throws a `PluginError`. */
  async fingerprints(): Promise<readonly { readonly machine: Machine; readonly text: string }[]> {
    const texts: { readonly machine: Machine; readonly text: string }[] = [];
    const slices = new Slices();
    for (const machine of await this.#machines()) {
      const { host } = (await this.host(requestOf(machine))).client;
      texts.push({ machine, text: JSON.stringify([machine, host]) });
      if (slices.over) await slices.rest();
    }
    return texts;
  }

  #machines(): Promise<readonly Machine[]> {
    return surveyMachines(this.#plugins, { ...this.#around, sources: this.sources });
  }

  /** What will not work, or not as it seems, as far as the plugins can tell; paths start at the top of the config. */
  check(): Promise<readonly Finding[]> {
    let clients: Promise<readonly Client[]> | undefined;
    return surveyFindings(this.#plugins, { ...this.#around, sources: this.sources }, () => {
      clients ??= this.#listedClients();
      return clients;
    });
  }

  async #listedClients(): Promise<readonly Client[]> {
    const clients: Client[] = [];
    const slices = new Slices();
    for (const machine of await this.machines()) {
      clients.push((await this.host(requestOf(machine))).client);
      if (slices.over) await slices.rest();
    }
    return clients;
  }

  /** Waits for observers, then gives back what the plugins made, last in, first out, once. Never rejects. */
  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      await Promise.all(this.#watching);
      await this.#disposers.dispose();
    })();
    return this.#disposed;
  }

  #with(hook: keyof Hooks): readonly StartedPlugin[] {
    return this.#byHook[hook] ?? [];
  }

  /** Calls a hook, makes a result of its answer, and notes both. Throws what the client is to be told, or the signal's reason. */
  async #ask<Answer, Result>(
    plugin: StartedPlugin,
    hook: TraceEntry['hook'],
    before: string,
    options: RouteOptions,
    how: {
      readonly ask: (call: Call) => Answer | Promise<Answer>;
      readonly take: (answer: Answer, root: Folder) => Result | Promise<Result>;
      readonly tell: (result: Result) => string | undefined;
      readonly late?: (answer: Answer) => void;
    },
  ): Promise<Result> {
    const entry = this.#begin(plugin, hook, before, options);
    const root = this.#rootFor(entry, options);
    try {
      const { clock, hookMs, activity } = this.#around;
      const log = () => this.#logOf(plugin, options.log);
      const { sources } = this;
      const { counters } = plugin;
      const around = { clock, counters, hookMs, root, sources, log, notes: entry, late: how.late, signal: options.signal };
      const result = await how.take(
        await callHook((call) => during(activity, plugin.name, hook, () => how.ask(call)), around),
        root,
      );
      if (entry) this.#answered(entry, how.tell(result));
      return result;
    } catch (error) {
      throw this.#refusal(error, plugin, hook, options, entry);
    } finally {
      this.#finish(entry);
    }
  }

  /** A name that came from a plugin, held to the rules for names. */
  #confine(plugin: StartedPlugin, hook: 'rewrite' | 'open' | 'store', name: string, options: RouteOptions): string {
    try {
      return cleanName(name);
    } catch (error) {
      // The client is told what it would be told had it asked for this; the log tells whose doing it was.
      // Of a name that no file can have, what is left of it is the client's doing.
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

  async #taken(
    plugin: StartedPlugin,
    answer: string | Uint8Array | Content,
    root: Folder,
    options: RouteOptions,
  ): Promise<Opened> {
    if (typeof answer === 'string') {
      return this.#lookUp(plugin.name, this.#confine(plugin, 'open', answer, options), root, options);
    }
    const served = `plugin:${plugin.name}`;
    if (answer instanceof Uint8Array) return { content: bytesContent(answer), served, plugin: plugin.name };
    return { content: answer, served: fileName(answer) ?? served, plugin: plugin.name };
  }

  async #lookUp(plugin: string | undefined, name: string, root: Folder, { signal }: RouteOptions): Promise<Opened> {
    const content = await limit<Content | undefined>(root.open(name), { clock: this.#around.clock, signal, late: closeUnwanted });
    if (content === undefined) throw NOT_FOUND;
    return { content, served: fileName(content) ?? name, plugin };
  }

  /** Closes what was opened for a client that has gone meanwhile. */
  #wanted(opened: Opened, { signal }: RouteOptions): Opened {
    if (signal?.aborted) closeUnwanted(opened.content);
    signal?.throwIfAborted();
    return opened;
  }

  /** What is thrown on: the signal's reason, a plugin's `Refusal`, or `internal` for a failure that is not the client's business. */
  #refusal(
    error: unknown,
    plugin: StartedPlugin | undefined,
    hook: TraceEntry['hook'],
    options: RouteOptions,
    entry: TraceEntry | undefined,
  ): unknown {
    if (entry) entry.error = describeError(error, options.describe);
    if (error instanceof Refusal || isAborted(error, options)) return error;
    if (plugin) this.#logFailure(plugin, hook, error, options.log);
    else (options.log ?? this.#around.log).error({ err: error }, 'root directory failed');
    return INTERNAL;
  }

  #tell(plugin: StartedPlugin, hook: 'start' | 'end', { id }: TransferInfo, ask: (call: Call) => void | Promise<void>): void {
    const { clock, hookMs, root, log, activity } = this.#around;
    const ofTransfer = (): Log => boundLog(log, { transfer: id });
    const failed = (error: unknown): void => this.#logFailure(plugin, hook, error, ofTransfer());
    try {
      const noted = (call: Call) => during(activity, plugin.name, hook, () => ask(call));
      const told = callHook(noted, {
        clock,
        counters: plugin.counters,
        hookMs,
        root,
        log: () => this.#logOf(plugin, ofTransfer()),
      });
      if (told === undefined) return;
      const watching = Promise.resolve(told)
        .catch(failed)
        .finally(() => this.#watching.delete(watching));
      this.#watching.add(watching);
    } catch (error) {
      failed(error);
    }
  }

  #logOf(plugin: StartedPlugin, log = this.#around.log): Log {
    return boundLog(log, { plugin: plugin.name });
  }

  #logFailure(plugin: StartedPlugin, hook: keyof Hooks, cause: unknown, log: Log | undefined): void {
    plugin.counters.add(cause instanceof TimeLimitError ? 'hook.timeouts' : 'hook.errors');
    this.#logOf(plugin, log).error({ err: new PluginError(plugin.name, hook, cause), hook }, 'plugin failed');
  }

  #begin(
    plugin: StartedPlugin | undefined,
    hook: TraceEntry['hook'],
    before: string,
    { trace }: RouteOptions,
  ): TraceEntry | undefined {
    if (!trace) return undefined;
    const entry = { plugin: plugin?.name, hook, before, ms: this.#around.clock.now(), lookups: [] };
    trace.push(entry);
    return entry;
  }

  /** The root directory; what is looked up in it is noted in the entry. */
  #rootFor(entry: TraceEntry | undefined, { describe }: RouteOptions): Folder {
    return entry ? new TracedFolder(this.#around.root, entry.lookups, describe) : this.#around.root;
  }

  #answered(entry: TraceEntry, after: string | undefined): void {
    if (after !== undefined) entry.after = after;
  }

  #finish(entry: TraceEntry | undefined): void {
    if (entry) entry.ms = Math.round((this.#around.clock.now() - entry.ms) * 1000) / 1000;
  }
}

/** A plugin that does not say may know anything. */
function sourcesOf({ name, hooks }: StartedPlugin): readonly IdentitySource[] {
  if (hooks.sources === undefined) return [{ tells: ['mac', 'uuid', 'serial'] }];
  try {
    return expectSources(hooks.sources());
  } catch (error) {
    throw new PluginError(name, 'sources', error);
  }
}

/** As if a listed machine had asked; for nothing in particular. */
function requestOf(machine: Machine): ListedRequest {
  const { address = '0.0.0.0' } = machine;
  const client: Client = { address, port: 0 };
  const given = givenIdentity(machine);
  return {
    protocol: 'none',
    kind: 'read',
    client: given === undefined ? client : withIdentity(client, given),
    local: { address: '0.0.0.0', port: 0 },
    asked: '',
    name: '',
  };
}

function isAborted(error: unknown, { signal }: RouteOptions): boolean {
  return signal?.aborted === true && error === signal.reason;
}
