/**
 * The server: starts, reloads and stops the services and the generations from which they take leases. It knows no protocol.
 * Clock, file system and log are passed in, so that it can run in a simulation.
 */
import { Abort } from '../base/abort.ts';
import { errorText } from '../base/error-text.ts';
import { limit } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import { ConfigError } from '../config/error.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { listenProblem } from '../net/listen-error.ts';
import { PluginError } from '../plugin/error.ts';
import { KeptState } from '../plugin/kept.ts';
import type { ExchangeInfo, Finding } from '../plugin/types.ts';
import { countReload } from '../service/count.ts';
import type { Generation, Runtime } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Service, ServiceHost } from '../service/service.ts';
import { Sightings } from '../service/sightings.ts';
import { Stats, type StatsSnapshot } from '../stats/stats.ts';
import { AllServices } from './all-services.ts';
import { countChangedMachines, listsMachines } from './changed-machines.ts';
import { changesBetween, type Running } from './changes.ts';
import { Events, type Listener, type ServerEvents } from './events.ts';
import { type Explanation, explain, type Question } from './explain.ts';
import { Generations } from './generations.ts';
import { logReloaded, type Reloaded } from './reloaded.ts';
import { sweepUploads } from './sweep.ts';
import { TroubleLog } from './trouble.ts';

/** The runtime of a server. */
export interface ServerRuntime extends Runtime {
  /** Makes the services. Nothing is bound before the first `prepare`. */
  services(host: ServiceHost): readonly Service[];
  /** Whether a service manager passed sockets, which replace `listen`. */
  readonly inheritsSockets?: boolean;
}

/** Time limit of counting the machines that a reload has changed. */
const COUNT_MS = 2000;

export class Server {
  readonly #runtime: ServerRuntime;
  readonly #log: Log;
  readonly #events: Events;
  readonly #config: ResolvedConfig;
  readonly #services: AllServices;
  readonly #generations: Generations;
  /** Serializes reloads. */
  #reloading: Promise<unknown> = Promise.resolve();
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  /** Aborted at the end, when no log line is awaited any more. */
  readonly #ending = new Abort();
  readonly #stats: Stats;
  readonly #sightings: Sightings;
  /** The last failed reload. */
  #countedFailure: unknown;
  readonly #trouble: TroubleLog;

  constructor(config: ResolvedConfig, runtime: ServerRuntime) {
    this.#config = config;
    this.#stats = runtime.stats ?? new Stats();
    this.#sightings = new Sightings({ clock: runtime.clock });
    this.#runtime = runtime;
    this.#log = runtime.log;
    this.#events = new Events(runtime.log);
    this.#generations = new Generations(
      { ...runtime, kept: new KeptState(), stats: this.#stats, sightings: this.#sightings },
      this.#stats,
    );
    this.#trouble = new TroubleLog(runtime.log, runtime.clock);
    this.#services = new AllServices(runtime.services(this.#host()));
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
   * Accepts no more requests, lets exchanges finish for `graceMs` (default: `limits.stopMs`), refuses the rest, and disposes of
   * the plugins. A second call with a shorter grace period shortens the first.
   */
  stop(graceMs = this.config.limits.stopMs): Promise<void> {
    // A start in progress completes first.
    const stopped = (this.#starting ?? Promise.resolve()).then(
      () => this.#services.stop(graceMs),
      () => this.#services.stop(graceMs),
    );
    this.#stopping ??= this.#stop(stopped);
    return this.#stopping;
  }

  /** Current addresses. */
  get addresses(): readonly LocalAddress[] {
    return this.#services.addresses;
  }

  /** The config in force. */
  get config(): ResolvedConfig {
    return this.#generations.current?.config ?? this.#config;
  }

  /** Number of the generation in force. */
  get generation(): number | undefined {
    return this.#generations.current?.number;
  }

  /** Files that plugins and services want watched: a change of one requires a reload. */
  get watched(): readonly string[] {
    return this.#generations.watched;
  }

  /**
   * Puts another config in force. Everything is set up and bound first; then a single assignment switches. Transfers in progress
   * continue under their generation, which is disposed of after the last of them. If it rejects, as `start` does, nothing has
   * changed.
   * @param files the files whose change caused the reload, for the log
   */
  reload(config: ResolvedConfig, files: readonly string[] = []): Promise<Reloaded> {
    const reloaded = this.#reloading.then(() => this.#reload(config, files));
    this.#reloading = reloaded.catch((error) => this.#countFailure(error));
    return reloaded;
  }

  /** Reports, by log and event, that a config could not be put in force. */
  reloadFailed(error: unknown): void {
    this.#countFailure(error);
    const known = error instanceof ConfigError || error instanceof PluginError;
    const problem = listenProblem(error) ?? (known ? error.message : errorText(error));
    this.#log.error({ generation: this.generation }, `reload failed, the current config stays in force: ${problem}`);
    this.#events.emit('reloadFailed', error);
  }

  /** All exchanges in progress, with their progress. */
  exchanges(): Promise<readonly LiveExchange[]> {
    return this.#services.exchanges();
  }

  /** Counters and measurements since the server was created, by the names of the reference. */
  stats(): StatsSnapshot {
    return this.#stats.snapshot();
  }

  /** Explains what a machine would get now, by the same pipeline as a transfer. Rejects if the server has not started. */
  async explain(question: Question): Promise<Explanation> {
    const { generation, release } = this.#generations.lease();
    return explain(generation, question).finally(release);
  }

  /** The findings of the plugins about the config in force: what will not work, or not as it seems to. */
  async check(): Promise<readonly Finding[]> {
    const { generation, release } = this.#generations.lease();
    return generation.pipeline.check().finally(release);
  }

  on<Name extends keyof ServerEvents>(event: Name, listener: Listener<Name>): this {
    this.#events.on(event, listener);
    return this;
  }

  off<Name extends keyof ServerEvents>(event: Name, listener: Listener<Name>): this {
    this.#events.off(event, listener);
    return this;
  }

  async #start(): Promise<void> {
    const started = await this.#generations.start(this.#config, this.#services.files(this.#config));
    // In force before it listens, because a request may arrive at the first bound address.
    this.#generations.swap(started);
    this.#sightings.limit(this.#config.dhcp?.limits.machines);
    try {
      const prepared = await this.#services.prepare(started.generation);
      for (const address of prepared.commit()) this.#announce(address);
      void sweepUploads(started.generation, this.#log);
    } catch (error) {
      await this.#close(this.#services.stop(0));
      throw error;
    }
  }

  async #reload(config: ResolvedConfig, files: readonly string[]): Promise<Reloaded> {
    const begun = this.#runtime.clock.now();
    const previous = this.#generations.current;
    if (!previous || this.#stopping) throw new Error('the server is not running');
    const started = await this.#generations.start(config, this.#services.files(config));
    const next = started.generation;
    const prepared = await this.#services.prepare(next).catch(async (error) => {
      await this.#generations.abandon(started);
      throw error;
    });
    if (this.#stopping) {
      void prepared.abandon();
      void this.#generations.abandon(started);
      throw new Error('the server is stopping');
    }
    // The swap: nothing is awaited from here until the previous generation is retired.
    this.#generations.swap(started);
    this.#sightings.limit(config.dhcp?.limits.machines);
    const addresses = prepared.commit();
    // Both generations list their machines.
    const leases = [previous.lease(), next.lease()];
    previous.retire();
    if (config.uploads?.dir !== previous.config.uploads?.dir) void sweepUploads(next, this.#log);
    for (const address of addresses) this.#announce(address);
    void previous.disposed.then(() => this.#drained(previous, begun));
    const durationMs = this.#runtime.clock.now() - begun;
    countReload(this.#stats, 'succeeded', this.#runtime.clock.wallTime());
    this.#stats.observe('reload-seconds', durationMs / 1000);
    const draining = [...this.#services.underWay].filter(({ generation }) => generation !== next.number);
    const counts = listsMachines(previous.pipeline, next.pipeline);
    const reloaded: Reloaded = {
      generation: next.number,
      config,
      files,
      changes: changesBetween(previous.config, config, this.#running()),
      machines: counts ? this.#countChangedMachines(previous, next) : Promise.resolve(undefined),
      durationMs,
      draining: draining.length,
    };
    void this.#logReloaded(reloaded, draining, counts).finally(() => {
      for (const { release } of leases) release();
    });
    this.#events.emit('reload', reloaded);
    return reloaded;
  }

  /** `undefined` if unknown, or if counting takes too long. */
  #countChangedMachines(previous: Generation, next: Generation): Promise<number | undefined> {
    const counted = countChangedMachines(previous.pipeline, next.pipeline);
    return limit(counted, { clock: this.#runtime.clock, ms: COUNT_MS, signal: this.#ending }).catch(() => undefined);
  }

  /** Only the log line waits for the count, if there is one. */
  async #logReloaded(reloaded: Reloaded, draining: readonly ExchangeInfo[], counts: boolean): Promise<void> {
    logReloaded(this.#log, reloaded, draining, counts ? await reloaded.machines : undefined);
  }

  #drained({ number }: Generation, since: number): void {
    this.#log.info({ generation: number, ms: Math.round(this.#runtime.clock.now() - since) }, 'generation drained');
    this.#events.emit('drained', number);
  }

  async #stop(servicesStopped: Promise<void>): Promise<void> {
    this.#ending.abort(new Error('the server is stopping'));
    await this.#close(servicesStopped);
  }

  async #close(servicesStopped: Promise<void>): Promise<void> {
    // A reload in progress will be discarded, but a plugin's `setup` may take long.
    await Promise.all([servicesStopped, this.#reloading]);
    await this.#generations.end();
  }

  /** Settings that only a restart can change. */
  #running(): Running {
    return { config: this.#config, inheritedSockets: this.#runtime.inheritsSockets === true };
  }

  #host(): ServiceHost {
    const { log, clock } = this.#runtime;
    let lastId = 0;
    return {
      log,
      clock,
      stats: this.#stats,
      sightings: this.#sightings,
      nextId: () => ++lastId,
      lease: () => this.#generations.lease(),
      onStart: (exchange) => this.#events.emit('start', exchange),
      onEnd: (summary, { pipeline }) => {
        if (!this.#stopping && !pipeline.logsEnds) this.#trouble.end(summary);
        this.#events.emit('end', summary);
      },
    };
  }

  /** A reload caused by a config's file is reported as failed once more. */
  #countFailure(error: unknown): void {
    if (error === this.#countedFailure) return;
    this.#countedFailure = error;
    countReload(this.#stats, 'failed', this.#runtime.clock.wallTime());
  }

  #announce(address: LocalAddress): void {
    this.#log.info({ ...address }, 'listening');
    this.#events.emit('listening', address);
  }
}
