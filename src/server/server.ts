/**
 * The control plane: takes the Engine's requests, finds an answer for each by the pipeline of the generation that was current
 * when it came, and reports ends.
 *
 * It may be slow, since users' code runs here; what must not be slow lives behind the Transport. It may not look into packets,
 * and it has no clock, file system or log of its own: all come from outside, so that it can run in a simulation.
 */
import { EventEmitter } from 'node:events';
import { Abort } from '../base/abort.ts';
import { errorText } from '../base/error-text.ts';
import { limit } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { boundLog } from '../base/log.ts';
import { ConfigError } from '../config/error.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { causeOf } from '../content/fault.ts';
import { listenProblem } from '../net/listen-error.ts';
import type { Address, ListenOn } from '../net/listening.ts';
import { PluginError } from '../plugin/error.ts';
import { KeptState } from '../plugin/kept.ts';
import type { Finding, TransferInfo, TransferSummary } from '../plugin/types.ts';
import { Generation, type World } from '../service/generation.ts';
import { Stats, type StatsSnapshot } from '../stats/stats.ts';
import { DropLog } from '../tftp/drop-log.ts';
import { limitsOf } from '../tftp/limits.ts';
import { Listeners, type PreparedListeners } from '../tftp/listeners.ts';
import type { EngineLimits } from '../tftp/protocol/engine.ts';
import { ErrorCode, INTERNAL_ERROR, TftpError } from '../tftp/protocol/error.ts';
import type { Ending } from '../tftp/protocol/transfer.ts';
import { understand } from '../tftp/request.ts';
import type { TransferRequest, Transport, TransportEvents } from '../tftp/transport/transport.ts';
import { findAnswer } from './answer.ts';
import { countChangedMachines } from './changed-machines.ts';
import { changesBetween, type Running } from './changes.ts';
import { type Explanation, explain, type Question } from './explain.ts';
import { logReloaded, type Reloaded } from './reloaded.ts';
import { type ActiveTransfer, infoOf, type LiveTransfer, summaryOf } from './transfers.ts';
import { TroubleLog } from './trouble.ts';

/** What a server runs in. */
export interface ServerWorld extends World {
  readonly transport: (events: TransportEvents, limits: EngineLimits, stats: Stats) => Transport;
  /** Sockets that are bound already and take the place of `listen`: those of systemd, for instance. */
  readonly sockets?: readonly number[];
}

/** What a server tells, beside its log. A listener that throws is logged and harms nothing. */
export interface ServerEvents {
  /** An address is listened on. */
  listening: [address: Address];
  /** A transfer begins. */
  start: [transfer: TransferInfo];
  /** A request has ended, refused ones too. */
  end: [transfer: TransferSummary];
  /** Another config is in force. */
  reload: [reload: Reloaded];
  /** A reload has failed; the config in force stays. */
  reloadFailed: [error: unknown];
  /** A generation that was replaced has given back its last lease, and its plugins are disposed of. */
  drained: [generation: number];
}

/** Counting the machines that a reload has changed may take this long. */
const COUNT_MS = 2000;
const STOPPING = { code: ErrorCode.undefined, message: 'server is stopping' };

export class Server {
  readonly #world: ServerWorld;
  readonly #log: Log;
  readonly #events = new EventEmitter<ServerEvents>();
  readonly #config: ResolvedConfig;
  readonly #transfers = new Map<number, ActiveTransfer>();
  #transport: Transport | undefined;
  #current: Generation | undefined;
  #listeners: Listeners | undefined;
  /** Those that are not disposed of yet. */
  readonly #generations = new Set<Generation>();
  /** Files that plugins want watched: those of the generation in force, and of one that failed since. */
  #watched: readonly string[] = [];
  /** One reload after the other. */
  #reloading: Promise<unknown> = Promise.resolve();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Ends the wait of `stop`: the last transfer has ended, or patience has. */
  readonly #waited = Promise.withResolvers<void>();
  #draining = false;
  /** No line is worth waiting for any more. */
  readonly #ending = new Abort();
  readonly #stats = new Stats();
  readonly #dropLog: DropLog;
  readonly #trouble: TroubleLog;

  constructor(config: ResolvedConfig, world: ServerWorld) {
    this.#config = config;
    this.#world = { ...world, kept: new KeptState() };
    this.#log = world.log;
    this.#trouble = new TroubleLog(world.log, world.clock);
    this.#dropLog = new DropLog(this.#stats, world.log, world.clock);
  }

  /**
   * Sets the plugins up and binds every address of the config. Rejects, and leaves nothing behind, with a `PluginError` if a
   * plugin's `setup` fails, or with Node's system error (`EACCES`, `EADDRINUSE`, …) if an address cannot be bound.
   */
  start(): Promise<void> {
    this.#starting ??= this.#stopping ? Promise.reject(new Error('the server has been stopped')) : this.#start();
    return this.#starting;
  }

  /**
   * Takes no more requests, lets transfers end for `graceMs` (default: `limits.stopMs`), ends the rest with ERROR 0, and
   * disposes of the plugins. A second call with less patience shortens the first.
   */
  stop(graceMs = this.config.limits.stopMs): Promise<void> {
    this.#stopping ??= this.#stop();
    const cancel = this.#world.clock.setTimeout(() => this.#waited.resolve(), graceMs);
    return this.#stopping.finally(cancel);
  }

  /** Where it listens now. */
  get addresses(): readonly Address[] {
    return this.#listeners?.addresses ?? [];
  }

  /** The config in force. */
  get config(): ResolvedConfig {
    return this.#current?.config ?? this.#config;
  }

  /** Number of the generation in force. */
  get generation(): number | undefined {
    return this.#current?.number;
  }

  /** Files that plugins want watched: a change of one wants a reload. */
  get watched(): readonly string[] {
    return this.#watched;
  }

  /**
   * Puts another config in force. Everything is set up and bound first, then one assignment; transfers under way go on under the
   * generation that they began with, which is disposed of after the last of them. Rejects as `start` does; then nothing has changed.
   * @param files those whose change is the reason, for the log
   */
  reload(config: ResolvedConfig, files: readonly string[] = []): Promise<Reloaded> {
    const reloaded = this.#reloading.then(() => this.#reload(config, files));
    this.#reloading = reloaded.catch(() => {});
    return reloaded;
  }

  /** Logs and tells that a config could not be put in force. */
  reloadFailed(error: unknown): void {
    const known = error instanceof ConfigError || error instanceof PluginError;
    const problem = listenProblem(error) ?? (known ? error.message : errorText(error));
    this.#log.error({ generation: this.#current?.number }, `reload failed, the config in force stays: ${problem}`);
    this.#emit('reloadFailed', error);
  }

  /** Every transfer under way, and how far each has come. */
  async transfers(): Promise<readonly LiveTransfer[]> {
    const progress = new Map((await this.#transport?.progress())?.map((one) => [one.id, one]));
    return Array.from(this.#transfers.values(), (transfer) => {
      const { bytes = 0, retransmissions = 0, rttMs } = progress.get(transfer.id) ?? {};
      const ageMs = Math.round(this.#world.clock.now() - transfer.begunMs);
      return { ...infoOf(transfer), bytes, retransmissions, rttMs, ageMs };
    });
  }

  /** What was counted since the server was made: requests, their outcomes, bytes, and what was dropped. */
  stats(): StatsSnapshot {
    return this.#stats.snapshot();
  }

  /** What a machine would get now, and why. Runs the same pipeline as a transfer. Rejects if the server has not started. */
  explain(question: Question): Promise<Explanation> {
    if (!this.#current) return Promise.reject(new Error('the server has not started'));
    const release = this.#current.lease();
    return explain(this.#current, question).finally(release);
  }

  /** What will not work in the config in force, or not as it seems, as far as its plugins can tell. */
  check(): Promise<readonly Finding[]> {
    if (!this.#current) return Promise.reject(new Error('the server has not started'));
    const release = this.#current.lease();
    return this.#current.pipeline.check().finally(release);
  }

  on<Name extends keyof ServerEvents>(event: Name, listener: (...args: ServerEvents[Name]) => void): this {
    // @ts-expect-error -- EventEmitter's own types do not carry a generic event name through
    this.#events.on(event, listener);
    return this;
  }

  off<Name extends keyof ServerEvents>(event: Name, listener: (...args: ServerEvents[Name]) => void): this {
    // @ts-expect-error -- see `on`
    this.#events.off(event, listener);
    return this;
  }

  async #start(): Promise<void> {
    const { generation, watched } = await this.#startGeneration(this.#config);
    this.#watched = watched;
    this.#transport = this.#world.transport(this.#transportEvents(), limitsOf(generation.config).engine, this.#stats);
    this.#dropLog.start();
    this.#listeners = new Listeners(this.#transport, this.#config);
    this.#current = generation;
    try {
      const prepared = await this.#listeners.prepare(this.#listenOn(this.#config));
      for (const address of prepared.commit()) this.#announce(address);
      void this.#sweep(generation);
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  async #reload(config: ResolvedConfig, files: readonly string[]): Promise<Reloaded> {
    const begun = this.#world.clock.now();
    const transport = this.#transport;
    const listeners = this.#listeners;
    if (!transport || !listeners || !this.#current || this.#stopping) throw new Error('the server is not running');
    const { generation: next, watched } = await this.#startGeneration(config);
    const prepared = await this.#prepare(listeners, next).catch((error) => {
      this.#watchAlso(watched);
      throw error;
    });
    if (this.#stopping) {
      void prepared.abandon();
      next.retire();
      throw new Error('the server is stopping');
    }
    const previous = this.#current;
    // The swap: nothing is awaited from here until the previous generation is retired.
    this.#current = next;
    this.#watched = watched;
    transport.setLimits(limitsOf(next.config).engine);
    const addresses = prepared.commit();
    // Both are asked for their machines.
    const releases = [previous.lease(), next.lease()];
    previous.retire();
    if (config.uploads?.dir !== previous.config.uploads?.dir) void this.#sweep(next);
    for (const address of addresses) this.#announce(address);
    void previous.disposed.then(() => this.#drained(previous, begun));
    const durationMs = this.#world.clock.now() - begun;
    const draining = [...this.#transfers.values()].filter(({ generation }) => generation !== next);
    const reloaded: Reloaded = {
      generation: next.number,
      config,
      files,
      changes: changesBetween(previous.config, config, this.#running()),
      machines: this.#countChangedMachines(previous, next),
      durationMs,
      draining: draining.length,
    };
    void this.#logReloaded(reloaded, draining, listsMachines(previous, next)).finally(() => {
      for (const release of releases) release();
    });
    this.#emit('reload', reloaded);
    return reloaded;
  }

  /** `undefined` where no machines are listed, where that cannot be known, or takes long. */
  async #countChangedMachines(previous: Generation, next: Generation): Promise<number | undefined> {
    if (!listsMachines(previous, next)) return undefined;
    const counted = countChangedMachines(previous.pipeline, next.pipeline);
    return limit(counted, { clock: this.#world.clock, ms: COUNT_MS, signal: this.#ending }).catch(() => undefined);
  }

  /** The line waits for the count, where there is one; nothing else does. */
  async #logReloaded(reloaded: Reloaded, draining: readonly ActiveTransfer[], counts: boolean): Promise<void> {
    logReloaded(this.#log, reloaded, draining, counts ? await reloaded.machines : undefined);
  }

  /** Rejects as `start` does. `watched`: files that its plugins want watched. */
  async #startGeneration(config: ResolvedConfig): Promise<{ readonly generation: Generation; readonly watched: string[] }> {
    const watched: string[] = [];
    try {
      // Reloads come one after the other, so a number is taken only by a config that gets in force.
      const number = (this.#current?.number ?? 0) + 1;
      const generation = await Generation.start(number, config, this.#world, (path) => void watched.push(path));
      this.#generations.add(generation);
      void generation.disposed.then(() => this.#generations.delete(generation));
      return { generation, watched };
    } catch (error) {
      this.#watchAlso(watched);
      throw error;
    }
  }

  /** Uploads that a crash has cut must not fill the disk. */
  async #sweep({ uploads, config }: Generation): Promise<void> {
    try {
      const removed = (await uploads?.sweep()) ?? [];
      if (removed.length === 0) return;
      const bytes = removed.reduce((sum, leftover) => sum + leftover.bytes, 0);
      this.#log.info({ dir: config.uploads?.dir, files: removed.length, bytes }, 'unfinished uploads of an earlier run removed');
    } catch {
      // A folder that cannot be read is told at the first upload, and by `check`.
    }
  }

  /** The next good save may be of any of these. */
  #watchAlso(files: readonly string[]): void {
    this.#watched = [...new Set([...this.#watched, ...files])];
  }

  /** Binds what the generation's config lists; disposes of the generation if that fails. */
  async #prepare(listeners: Listeners, generation: Generation): Promise<PreparedListeners> {
    try {
      return await listeners.prepare(this.#listenOn(generation.config));
    } catch (error) {
      generation.retire();
      await generation.disposed;
      throw error;
    }
  }

  #drained({ number }: Generation, since: number): void {
    this.#log.info({ generation: number, ms: Math.round(this.#world.clock.now() - since) }, 'generation drained');
    this.#emit('drained', number);
  }

  async #stop(): Promise<void> {
    await this.#starting?.catch(() => {});
    this.#ending.abort(new Error('the server is stopping'));
    this.#listeners?.close();
    this.#draining = true;
    const drained = this.#transfers.size > 0 ? this.#waited.promise : undefined;
    // A reload under way comes to nothing, but a plugin's `setup` may take its time.
    await Promise.all([drained, this.#reloading]);
    await this.#close();
  }

  async #close(): Promise<void> {
    const generation = this.#current;
    await this.#transport?.close(STOPPING);
    this.#dropLog.stop();
    await Promise.all(Array.from(this.#transfers.values(), ({ answering }) => answering));
    this.#current = undefined;
    generation?.retire();
    await Promise.all(Array.from(this.#generations, ({ disposed }) => disposed));
  }

  /** What a restart alone can change, as it is. */
  #running(): Running {
    return { config: this.#config, inheritedSockets: this.#world.sockets !== undefined };
  }

  #listenOn({ listen }: ResolvedConfig): readonly ListenOn[] {
    return this.#world.sockets?.map((fd) => ({ fd })) ?? listen;
  }

  #transportEvents(): TransportEvents {
    return {
      request: (request) => this.#request(request),
      end: (id, ending) => void this.#end(id, ending),
      moved: ({ addresses }, { came, gone }) => this.#log.info({ came, gone, addresses }, 'listening addresses changed'),
      notice: (fields, message) => this.#log.warn(fields, message),
      fault: (error, { what, id }) => this.#logFault(error, id, what),
    };
  }

  /** The generation is fixed here, with nothing awaited before. */
  #request(sent: TransferRequest): void {
    const generation = this.#current;
    if (!generation) return this.#transport?.refuse(sent.id, STOPPING);
    const { request, refusal, unservable } = understand(sent, generation.config.limits.nameBytes);
    const transfer: ActiveTransfer = {
      id: sent.id,
      generation,
      release: generation.lease(),
      begunMs: this.#world.clock.now(),
      gone: new Abort(),
      request,
      unservable,
      served: undefined,
      plugin: undefined,
      size: undefined,
      cause: refusal && causeOf(refusal),
      answering: Promise.resolve(),
      answered: false,
    };
    this.#transfers.set(sent.id, transfer);
    this.#stats.add(`requests.${request.kind}`);
    // A listener in another thread takes a moment to close.
    if (this.#draining) this.#transport?.refuse(sent.id, STOPPING);
    else if (refusal) this.#transport?.refuse(sent.id, refusal);
    else transfer.answering = this.#answer(transfer);
  }

  async #answer(transfer: ActiveTransfer): Promise<void> {
    try {
      const answer = await findAnswer(transfer, boundLog(this.#log, { transfer: transfer.id }), this.#transport!);
      const info = infoOf(transfer);
      transfer.generation.pipeline.start(info);
      this.#emit('start', info);
      this.#transport?.answer(transfer.id, answer);
    } catch (error) {
      // That its client has gone is no fault of anybody.
      if (!transfer.gone.aborted && !(error instanceof TftpError)) this.#logFault(error, transfer.id, 'request');
      const refusal = error instanceof TftpError ? error : new TftpError(ErrorCode.undefined, INTERNAL_ERROR);
      transfer.cause = causeOf(refusal);
      this.#transport?.refuse(transfer.id, refusal);
    } finally {
      transfer.answered = true;
    }
  }

  async #end(id: number, ending: Ending): Promise<void> {
    const transfer = this.#transfers.get(id);
    if (!transfer) return;
    if (!transfer.answered) {
      // A client that goes while its answer is being looked for: the lease is held until the plugins have noticed.
      transfer.gone.abort(new Error('the client has gone'));
      await transfer.answering;
    }
    this.#transfers.delete(id);
    this.#count(transfer, ending);
    const summary = summaryOf(transfer, ending);
    transfer.generation.pipeline.end(summary);
    if (!this.#draining && !transfer.generation.pipeline.logsEnds) this.#trouble.end(summary);
    this.#emit('end', summary);
    transfer.release();
    if (this.#draining && this.#transfers.size === 0) this.#waited.resolve();
  }

  #count({ request }: ActiveTransfer, { outcome, bytes, retransmissions }: Ending): void {
    this.#stats.add(`outcomes.${outcome}`);
    this.#stats.add(request.kind === 'read' ? 'bytes.sent' : 'bytes.received', bytes);
    this.#stats.add('packets.resent', retransmissions);
  }

  #announce(address: Address): void {
    this.#log.info({ ...address }, 'listening');
    this.#emit('listening', address);
  }

  /** Each listener by itself: one that throws, or rejects, takes nothing from the others. */
  #emit<Name extends keyof ServerEvents>(event: Name, ...args: ServerEvents[Name]): void {
    if (this.#events.listenerCount(event) === 0) return;
    const failed = (error: unknown) => this.#log.error({ err: error, event }, 'a listener of the server failed');
    for (const listener of this.#events.listeners(event) as ((...args: ServerEvents[Name]) => unknown)[]) {
      try {
        Promise.resolve(listener(...args)).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** What a plugin's content or sink does wrong is the plugin's doing, and told as such. */
  #logFault(error: unknown, id: number | undefined, what: string): void {
    const { plugin, request } = (id !== undefined && this.#transfers.get(id)) || {};
    if (plugin === undefined || request === undefined) return this.#log.error({ err: error, transfer: id }, `${what} failed`);
    const hook = request.kind === 'read' ? 'open' : 'store';
    this.#log.error({ err: new PluginError(plugin, hook, error), transfer: id, plugin, hook }, 'plugin failed');
  }
}

function listsMachines(...generations: readonly Generation[]): boolean {
  return generations.some(({ pipeline }) => pipeline.listsMachines);
}
