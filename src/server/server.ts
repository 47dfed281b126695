/**
 * The services, and the generation in force that each of them asks for leases: start, reload, stop. It knows no protocol, and it has
 * no clock, file system or log of its own: all come from outside, so that it can run in a simulation.
 */
import { EventEmitter } from 'node:events';
import { Abort } from '../base/abort.ts';
import { errorText } from '../base/error-text.ts';
import { limit } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { ConfigError } from '../config/error.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { listenProblem } from '../net/listen-error.ts';
import { PluginError } from '../plugin/error.ts';
import { KeptState } from '../plugin/kept.ts';
import type { ExchangeInfo, ExchangeSummary, Finding } from '../plugin/types.ts';
import { countReload } from '../service/count.ts';
import { Generation, type World } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service, ServiceHost } from '../service/service.ts';
import { Stats, type StatsSnapshot } from '../stats/stats.ts';
import { countChangedMachines } from './changed-machines.ts';
import { changesBetween, type Running } from './changes.ts';
import { type Explanation, explain, type Question } from './explain.ts';
import { logReloaded, type Reloaded } from './reloaded.ts';
import { TroubleLog } from './trouble.ts';

/** What a server runs in. */
export interface ServerWorld extends World {
  /** Makes what it serves. Nothing is bound before the first `prepare`. */
  services(host: ServiceHost): readonly Service[];
  /** Sockets came from a service manager: they take the place of `listen`. */
  readonly inheritsSockets?: boolean;
}

/** What a server tells, beside its log. A listener that throws is logged and harms nothing. */
export interface ServerEvents {
  /** An address is listened on. */
  listening: [address: LocalAddress];
  /** A transfer begins. */
  start: [transfer: ExchangeInfo];
  /** A request has ended, refused ones too. */
  end: [transfer: ExchangeSummary];
  /** Another config is in force. */
  reload: [reload: Reloaded];
  /** A reload has failed; the current config stays in force. */
  reloadFailed: [error: unknown];
  /** A generation that was replaced has given back its last lease, and its plugins are disposed of. */
  drained: [generation: number];
}

/** Counting the machines that a reload has changed may take this long. */
const COUNT_MS = 2000;

export class Server {
  readonly #world: ServerWorld;
  readonly #log: Log;
  readonly #events = new EventEmitter<ServerEvents>();
  readonly #config: ResolvedConfig;
  readonly #services: readonly Service[];
  #current: Generation | undefined;
  /** Those that are not disposed of yet. */
  readonly #generations = new Set<Generation>();
  /** Files that plugins want watched: those of the generation in force, and of one that failed since. */
  #watched: readonly string[] = [];
  /** One reload after the other. */
  #reloading: Promise<unknown> = Promise.resolve();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** No line is worth waiting for any more. */
  readonly #ending = new Abort();
  readonly #stats: Stats;
  /** The reload that failed last. */
  #countedFailure: unknown;
  readonly #trouble: TroubleLog;

  constructor(config: ResolvedConfig, world: ServerWorld) {
    this.#config = config;
    this.#stats = world.stats ?? new Stats();
    this.#world = { ...world, kept: new KeptState(), stats: this.#stats };
    this.#log = world.log;
    this.#trouble = new TroubleLog(world.log, world.clock);
    this.#services = world.services(this.#host());
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
   * Takes no more requests, lets exchanges end for `graceMs` (default: `limits.stopMs`), refuses the rest, and disposes of the
   * plugins. A second call with a shorter grace period shortens the first.
   */
  stop(graceMs = this.config.limits.stopMs): Promise<void> {
    // A start comes to its end first.
    const stopped = (this.#starting ?? Promise.resolve()).then(
      () => this.#stopServices(graceMs),
      () => this.#stopServices(graceMs),
    );
    this.#stopping ??= this.#stop(stopped);
    return this.#stopping;
  }

  /** Where it listens now. */
  get addresses(): readonly LocalAddress[] {
    return this.#services.flatMap(({ addresses }) => addresses);
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
    this.#reloading = reloaded.catch((error) => this.#countFailure(error));
    return reloaded;
  }

  /** Logs and tells that a config could not be put in force. */
  reloadFailed(error: unknown): void {
    this.#countFailure(error);
    const known = error instanceof ConfigError || error instanceof PluginError;
    const problem = listenProblem(error) ?? (known ? error.message : errorText(error));
    this.#log.error({ generation: this.#current?.number }, `reload failed, the current config stays in force: ${problem}`);
    this.#emit('reloadFailed', error);
  }

  /** Every exchange under way, and how far each has come. */
  async exchanges(): Promise<readonly LiveExchange[]> {
    return (await Promise.all(this.#services.map((service) => service.exchanges()))).flat();
  }

  /** What was counted and measured since the server was made, by the names of the reference. */
  stats(): StatsSnapshot {
    return this.#stats.snapshot();
  }

  /** What a machine would get now, and why. Runs the same pipeline as a transfer. Rejects if the server has not started. */
  explain(question: Question): Promise<Explanation> {
    if (!this.#current) return Promise.reject(new Error('the server has not started'));
    const lease = this.#current.lease();
    return explain(lease.generation, question).finally(lease.release);
  }

  /** What will not work in the config in force, or not as it seems, as far as its plugins can tell. */
  check(): Promise<readonly Finding[]> {
    if (!this.#current) return Promise.reject(new Error('the server has not started'));
    const lease = this.#current.lease();
    return lease.generation.pipeline.check().finally(lease.release);
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
    this.#current = generation;
    try {
      const prepared = await this.#prepareServices(generation);
      for (const address of prepared.commit()) this.#announce(address);
      void this.#sweep(generation);
    } catch (error) {
      await this.#close(this.#stopServices(0));
      throw error;
    }
  }

  async #reload(config: ResolvedConfig, files: readonly string[]): Promise<Reloaded> {
    const begun = this.#world.clock.now();
    if (!this.#current || this.#stopping) throw new Error('the server is not running');
    const { generation: next, watched } = await this.#startGeneration(config);
    const prepared = await this.#prepare(next).catch((error) => {
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
    const addresses = prepared.commit();
    // Both are asked for their machines.
    const leases = [previous.lease(), next.lease()];
    previous.retire();
    if (config.uploads?.dir !== previous.config.uploads?.dir) void this.#sweep(next);
    for (const address of addresses) this.#announce(address);
    void previous.disposed.then(() => this.#drained(previous, begun));
    const durationMs = this.#world.clock.now() - begun;
    countReload(this.#stats, 'succeeded', this.#world.clock.wallTime());
    this.#stats.observe('reload-seconds', durationMs / 1000);
    const draining = this.#services
      .flatMap((service) => [...service.underWay])
      .filter(({ generation }) => generation !== next.number);
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
      for (const { release } of leases) release();
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
  async #logReloaded(reloaded: Reloaded, draining: readonly ExchangeInfo[], counts: boolean): Promise<void> {
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
      this.#stats.set('live.generations', this.#generations.size);
      void generation.disposed.then(() => {
        this.#generations.delete(generation);
        this.#stats.set('live.generations', this.#generations.size);
      });
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

  /** Prepares every service; disposes of the generation if one cannot be. */
  async #prepare(generation: Generation): Promise<Prepared> {
    try {
      return await this.#prepareServices(generation);
    } catch (error) {
      generation.retire();
      await generation.disposed;
      throw error;
    }
  }

  /** All services, as one. */
  async #prepareServices(generation: Generation): Promise<Prepared> {
    const prepared: Prepared[] = [];
    const abandon = async () => void (await Promise.all(prepared.map((one) => one.abandon())));
    try {
      for (const service of this.#services) prepared.push(await service.prepare(generation));
    } catch (error) {
      await abandon();
      throw error;
    }
    return { commit: () => prepared.flatMap((one) => one.commit()), abandon };
  }

  #drained({ number }: Generation, since: number): void {
    this.#log.info({ generation: number, ms: Math.round(this.#world.clock.now() - since) }, 'generation drained');
    this.#emit('drained', number);
  }

  async #stop(servicesStopped: Promise<void>): Promise<void> {
    this.#ending.abort(new Error('the server is stopping'));
    await this.#close(servicesStopped);
  }

  async #stopServices(graceMs: number): Promise<void> {
    await Promise.all(this.#services.map((service) => service.stop(graceMs)));
  }

  async #close(servicesStopped: Promise<void>): Promise<void> {
    // A reload under way comes to nothing, but a plugin's `setup` may take its time.
    await Promise.all([servicesStopped, this.#reloading]);
    this.#current?.retire();
    this.#current = undefined;
    await Promise.all(Array.from(this.#generations, ({ disposed }) => disposed));
  }

  /** What a restart alone can change, as it is. */
  #running(): Running {
    return { config: this.#config, inheritedSockets: this.#world.inheritsSockets === true };
  }

  #host(): ServiceHost {
    const { log, clock } = this.#world;
    let lastId = 0;
    return {
      log,
      clock,
      stats: this.#stats,
      nextId: () => ++lastId,
      lease: () => {
        if (!this.#current) throw new Error('no generation is in force');
        return this.#current.lease();
      },
      onStart: (exchange) => this.#emit('start', exchange),
      onEnd: (summary, { pipeline }) => {
        if (!this.#stopping && !pipeline.logsEnds) this.#trouble.end(summary);
        this.#emit('end', summary);
      },
    };
  }

  /** A reload that was asked for by a config's file is reported as failed once more. */
  #countFailure(error: unknown): void {
    if (error === this.#countedFailure) return;
    this.#countedFailure = error;
    countReload(this.#stats, 'failed', this.#world.clock.wallTime());
  }

  #announce(address: LocalAddress): void {
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
}

function listsMachines(...generations: readonly Generation[]): boolean {
  return generations.some(({ pipeline }) => pipeline.listsMachines);
}
