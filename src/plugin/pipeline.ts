/**
 * All plugins of a config, set up and in order, and the path of a request through them, which the server and `pxe explain` share.
 * It knows no packets and keeps no state of a request.
 */

import type { Log } from '../base/log.ts';
import { NOT_FOUND, Refusal } from '../base/refusal.ts';
import { abortUnwanted, closeUnwanted } from '../content/unwanted.ts';
import { HookCaller, isAborted } from './caller.ts';
import type { HookBinding, RequestHook } from './combine.ts';
import { HOOKS } from './hooks.ts';
import type { ReadyPlugin } from './ready.ts';
import type { BootRoute, Opened, ReadRoute, RouteOptions, Stored, WriteRoute } from './route.ts';
import { Disposers, type PluginEnvironment, type StartedPlugin, setUpAll } from './setup.ts';
import { all, clientsOf, placed, withNames } from './survey.ts';
import type {
  BootRequest,
  CheckCall,
  Client,
  ExchangeInfo,
  ExchangeSummary,
  FileRequest,
  Finding,
  Folder,
  Hooks,
  IdentitySource,
  Machine,
  ReadRequest,
  RequestInfo,
  WriteRequest,
} from './types.ts';

export interface PipelineEnvironment extends PluginEnvironment {
  readonly log: Log;
  /** The config's root directory. */
  readonly root: Folder;
  /** Time limit of each call of a hook. */
  readonly hookMs: number;
}

/** The existing hooks, and perhaps others. */
type Hooking = typeof HOOKS;

/** The hooks of a table that answer questions about a request. */
type AskedOf<Table> = { [Name in keyof Table]: Table[Name] extends RequestHook<never, unknown> ? Name : never }[keyof Table];

type InputOf<Entry> = Entry extends RequestHook<infer Input, unknown> ? Input : never;
type ResultOf<Entry> = Entry extends RequestHook<never, infer Result> ? Result : never;

export class Pipeline<Table extends Hooking = Hooking> {
  readonly #table: Table;
  readonly #plugins: readonly StartedPlugin[];
  readonly #bindings = new Map<PropertyKey, HookBinding>();
  readonly #disposers: Disposers;
  readonly #caller: HookCaller;
  #disposed: Promise<void> | undefined;
  #sources: readonly IdentitySource[] | undefined;

  private constructor(table: Table, plugins: readonly StartedPlugin[], env: PipelineEnvironment, disposers: Disposers) {
    this.#table = table;
    this.#plugins = plugins;
    this.#disposers = disposers;
    this.#caller = new HookCaller({ ...env, sources: this.sources });
    for (const hook of Object.keys(table) as (keyof Hooks)[]) {
      const having = table[hook].kind === 'statement' ? plugins : plugins.filter(({ hooks }) => hooks[hook] !== undefined);
      this.#bindings.set(hook, { caller: this.#caller, hook, plugins: having });
    }
  }

  /** Same as {@link startWith} with the existing hooks. */
  static start(plugins: readonly ReadyPlugin[], env: PipelineEnvironment): Promise<Pipeline> {
    return Pipeline.startWith(HOOKS, plugins, env);
  }

  /**
   * Sets the plugins up in sequence. If one fails, the others are disposed of and its `PluginError` is thrown, unless
   * {@link PluginEnvironment.failed} takes it.
   */
  static async startWith<Table extends Hooking>(
    table: Table,
    plugins: readonly ReadyPlugin[],
    env: PipelineEnvironment,
  ): Promise<Pipeline<Table>> {
    const disposers = new Disposers(env);
    return new Pipeline(table, await setUpAll(plugins, env, disposers, Object.keys(table)), env, disposers);
  }

  /** Runs all hooks for one request. Rejects only with the reason of `signal`; a refusal for the client is in `error`. */
  route<Asked extends ReadRequest>(request: Asked, options?: RouteOptions): Promise<ReadRoute<Asked>>;
  route<Asked extends WriteRequest>(request: Asked, options?: RouteOptions): Promise<WriteRoute<Asked>>;
  route(request: FileRequest, options?: RouteOptions): Promise<ReadRoute | WriteRoute>;
  async route(asked: FileRequest, options: RouteOptions = {}): Promise<ReadRoute | WriteRoute> {
    let request = asked;
    try {
      request = await this.host(await this.identify(request, options), options);
      request = await this.rewrite(request, options);
      if (request.kind === 'read') {
        const opened = await this.open(request, options);
        return opened === undefined ? { request, error: NOT_FOUND } : { request, ...opened };
      }
      const { sink, plugin } = (await this.store(request, options)) ?? {};
      if (typeof sink === 'string') return { request: { ...request, name: sink }, sink: undefined, plugin: undefined };
      return { request, sink, plugin };
    } catch (error) {
      if (isAborted(error, options) || !(error instanceof Refusal)) throw error;
      // An unservable name ends here, after the plugins that could have corrected it.
      if (options.unservable !== undefined && request.name === asked.name) request = { ...request, name: '' };
      return { request, error } as ReadRoute | WriteRoute;
    }
  }

  /**
   * Decides what a machine loads. Rejects only with the reason of `signal`; a plugin's refusal or failure is in `error`, and the
   * machine gets no offer.
   */
  async boot<Asked extends BootRequest>(asked: Asked, options: RouteOptions = {}): Promise<BootRoute<Asked>> {
    let request = asked;
    try {
      request = await this.host(await this.identify(request, options), options);
      return { request, boot: await this.#table.boot.run(this.#binding('boot'), request, options) };
    } catch (error) {
      if (isAborted(error, options) || !(error instanceof Refusal)) throw error;
      return { request, error };
    }
  }

  /** Calls a hook of all plugins that have it, and combines the answers. Throws a `Refusal`, or the signal's reason. */
  ask<Name extends AskedOf<Table>>(
    hook: Name,
    input: InputOf<Table[Name]>,
    options: RouteOptions = {},
  ): Promise<ResultOf<Table[Name]>> {
    const entry = this.#table[hook] as RequestHook<typeof input, ResultOf<Table[Name]>>;
    return entry.run(this.#binding(hook), input, options);
  }

  /** Adds the client's facts. For each fact the first answer wins; known facts are kept. */
  async identify<Asked extends RequestInfo>(request: Asked, options: RouteOptions = {}): Promise<Asked> {
    return (await this.#table.identify.run(this.#binding('identify'), request, options)) as Asked;
  }

  /** Adds the client's entry in the config. The first answer wins. */
  async host<Asked extends RequestInfo>(request: Asked, options: RouteOptions = {}): Promise<Asked> {
    const host = await this.#table.host.run(this.#binding('host'), request, options);
    return host === undefined ? request : { ...request, client: { ...request.client, host } };
  }

  /**
   * Each plugin gets the request as changed by the previous one. Only the name can change, and it is cleaned like a client's.
   * Throws `unservable` if no plugin corrects an unservable name.
   */
  async rewrite<Asked extends FileRequest>(request: Asked, options: RouteOptions = {}): Promise<Asked> {
    const rewritten = await this.#table.rewrite.run(this.#binding('rewrite'), request, options);
    if (options.unservable !== undefined && rewritten.name === request.name) throw options.unservable;
    return rewritten as Asked;
  }

  /**
   * The first plugin that answers decides, then the root directory; `undefined` if the file does not exist. Throws a `Refusal`.
   */
  async open(request: ReadRequest, options: RouteOptions = {}): Promise<Opened | undefined> {
    const answer = await this.#table.open.run(this.#binding('open'), request, options);
    const opened = answer ?? (await this.#caller.openRoot(request.name, options));
    // The client may have gone in the meantime.
    if (options.signal?.aborted && opened) closeUnwanted(opened.content);
    options.signal?.throwIfAborted();
    return opened;
  }

  /**
   * The first plugin that accepts the upload, or names the file for `uploads`, decides; `undefined` if none does. Throws a
   * `Refusal`.
   */
  async store(request: WriteRequest, options: RouteOptions = {}): Promise<Stored | undefined> {
    const stored = await this.#table.store.run(this.#binding('store'), request, options);
    if (options.signal?.aborted && stored) abortUnwanted(stored.sink);
    if (stored) options.signal?.throwIfAborted();
    return stored;
  }

  /** Notifies the observers of the start of a transfer. Returns at once; failures are logged. */
  start(transfer: ExchangeInfo): void {
    this.#table.start.run(this.#binding('start'), transfer);
  }

  /** Notifies the observers of the end of a request. Returns at once; failures are logged. */
  end(summary: ExchangeSummary): void {
    this.#table.end.run(this.#binding('end'), summary);
  }

  /** Whether a plugin logs each request that ends badly. */
  get logsEnds(): boolean {
    return this.#plugins.some(({ logsEnds }) => logsEnds);
  }

  /** The sources of client facts that the plugins have, in the order in which they are asked. */
  readonly sources = (): readonly IdentitySource[] => {
    this.#sources ??= this.#table.sources.run(this.#binding('sources'));
    return this.#sources;
  };

  /** Plugins that say what machines are to load, by name. */
  get booting(): readonly string[] {
    return this.#binding('boot').plugins.map(({ name }) => name);
  }

  /** Whether a plugin lists machines. */
  get listsMachines(): boolean {
    return this.#binding('machines').plugins.length > 0;
  }

  /** The machines that the config lists. Throws a `PluginError`. */
  async machines(): Promise<readonly Machine[]> {
    return (await this.#machines()).map(({ fingerprint: _, ...machine }) => machine);
  }

  /**
   * The same machines, those first that stand for the others: one of each fingerprint, then the rest. Throws a `PluginError`.
   * @returns `kinds`: how many come first
   */
  async machinesByKind(): Promise<{ readonly machines: readonly Machine[]; readonly kinds: number }> {
    const firsts = new Map<string, Machine>();
    const rest: Machine[] = [];
    for (const { fingerprint, ...machine } of await this.#machines()) {
      const kind = fingerprint ?? JSON.stringify(machine);
      if (firsts.has(kind)) rest.push(machine);
      else firsts.set(kind, machine);
    }
    return { machines: [...firsts.values(), ...rest], kinds: firsts.size };
  }

  /** The same machines, with fingerprints of what each gets. Throws a `PluginError`. */
  async fingerprints(): Promise<readonly { readonly machine: Machine; readonly text: string }[]> {
    const machines = await this.#machines();
    const clients = await this.#clientsOf(machines);
    return machines.map((machine, index) => ({ machine, text: JSON.stringify([machine, clients[index]?.host]) }));
  }

  /** The plugins' findings: what will not work, or not as it seems to. Paths start at the top of the config. */
  check(): Promise<readonly Finding[]> {
    let listed: Promise<readonly Client[]> | undefined;
    const clients: CheckCall['clients'] = () => {
      listed ??= this.#machines().then((machines) => this.#clientsOf(machines));
      return listed;
    };
    return placed(this.#table.check.run(this.#binding('check'), { clients }), this.#plugins);
  }

  /** Waits for observers, then disposes of the plugins' resources, last in, first out, once. Never rejects. */
  dispose(): Promise<void> {
    this.#disposed ??= this.#caller.idle().then(() => this.#disposers.dispose());
    return this.#disposed;
  }

  async #machines(): Promise<readonly Machine[]> {
    const machines = await all(this.#table.machines.run(this.#binding('machines')));
    return withNames(machines, await all(this.#table.names.run(this.#binding('names'))));
  }

  #clientsOf(machines: readonly Machine[]): Promise<readonly Client[]> {
    return clientsOf(machines, (request) => this.host(request));
  }

  #binding(hook: keyof Table): HookBinding {
    return this.#bindings.get(hook)!;
  }
}
