/**
 * A server on Node.js: Node's clock, file system and sockets.
 */
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { unpredictable } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { CacheBudget } from '../content/budget.ts';
import { SegmentCache } from '../content/cache.ts';
import { Disks } from '../content/disks.ts';
import { nodeFileSystem } from '../content/node-filesystem.ts';
import { DhcpService } from '../dhcp/service.ts';
import { HttpService } from '../http/service.ts';
import { nativeUnavailableReason } from '../net/native/libc.ts';
import { proofFailure } from '../net/native/proof.ts';
import { nativeWireSockets } from '../net/native/wire-sockets.ts';
import { processRights } from '../net/rights.ts';
import { portableWireSockets, type WireSockets } from '../net/wire-sockets.ts';
import type { Activity } from '../plugin/activity.ts';
import type { PluginEnvironment } from '../plugin/setup.ts';
import { Generation, type Runtime } from '../service/generation.ts';
import { Stats } from '../stats/stats.ts';
import type { TftpExchange } from '../tftp/exchange.ts';
import { TftpService } from '../tftp/service.ts';
import { type NativeOptions, NativeTransport } from '../tftp/transport/native/native.ts';
import { PortableTransport } from '../tftp/transport/portable.ts';
import type { Transport } from '../tftp/transport/transport.ts';
import { explainChain, type OfferStep } from './boot-chain.ts';
import type { BootQuestion } from './boot-offer.ts';
import { configSchema } from './config-schema.ts';
import { type Explanation, explain, type Question } from './explain.ts';
import { httpOriginOf } from './http-origin.ts';
import { Server } from './server.ts';

export interface CreateOptions {
  /** Base of relative paths in the config; default: the working directory. */
  readonly dir?: string;
  /** A logger such as pino's. Without it, nothing is logged. */
  readonly log?: Log;
  /** Descriptors of bound UDP sockets, in place of `listen`. */
  readonly sockets?: readonly number[];
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/**
 * Makes a TFTP server. Nothing is bound or set up until `start`.
 *
 * @throws ConfigError with every problem of the config at once
 * @example
 * const server = createServer({ rootDir: './tftpboot', tftp: { listen: [{ address: '127.0.0.1', port: 6969 }] } });
 * server.on('end', ({ request, outcome, bytes }) => console.log(request.asked, outcome, bytes));
 * await server.start();
 */
export function createServer(config: Config, options: CreateOptions = {}): Server {
  return createResolvedServer(resolveConfig(config, { dir: resolve(options.dir ?? '.'), schema: configSchema }), options);
}

export interface ResolvedOptions extends Omit<CreateOptions, 'dir'> {
  readonly activity?: Activity;
  /** Counters, which also count events outside the server. */
  readonly stats?: Stats;
}

/** The same for a config that is already loaded. */
export function createResolvedServer(
  config: ResolvedConfig,
  { log = silent, sockets, activity, stats = new Stats() }: ResolvedOptions = {},
): Server {
  const budget = new CacheBudget(config.cacheBytes);
  return new Server(config, {
    ...nodeRuntime(log, budget, stats),
    activity,
    inheritsSockets: sockets !== undefined,
    services: (host) => [
      new TftpService(host, {
        sockets,
        transport: (events, limits, stats) => makeTransport(config, log, { events, limits, stats, clock: systemClock, budget }),
      }),
      new DhcpService(host, { sockets: () => wireSockets(config), rights: processRights(), httpOrigin: httpOriginOf }),
      new HttpService(host),
    ],
  });
}

/**
 * Explains what a machine would get by a config, without a server: no address is bound. For tests of a config or a plugin.
 *
 * @throws ConfigError with every problem of the config at once; a `PluginError` if a plugin's `setup` fails
 * @example
 * const { served } = await explain({ rootDir: './tftpboot', plugins: [greeting({ text: 'hello' })] }, { name: 'hi', address: '192.168.7.20' });
 */
export async function explainConfig(
  config: Config,
  question: Question,
  { dir = '.' }: Pick<CreateOptions, 'dir'> = {},
): Promise<Explanation> {
  return withGeneration(resolveConfig(config, { dir: resolve(dir), schema: configSchema }), (generation) =>
    explain(generation, question),
  );
}

/**
 * Explains a whole boot by a config, without a server: what the machine is offered, and each file that is then loaded. For tests of a
 * config or a plugin.
 *
 * @throws ConfigError with every problem of the config at once; a `PluginError` if a plugin's `setup` fails
 * @example
 * const { offer } = await explainBoot(config, { address: '0.0.0.0', mac: '52:54:00:12:34:56', firmware: 'uefi-x64' });
 */
export async function explainBootOf(
  config: Config,
  question: BootQuestion,
  { dir = '.' }: Pick<CreateOptions, 'dir'> = {},
): Promise<OfferStep> {
  return withGeneration(resolveConfig(config, { dir: resolve(dir), schema: configSchema }), (generation) =>
    explainChain(generation, question),
  );
}

/**
 * Runs `work` with a generation without a server. Rejects as `work` does, or with a `PluginError` if a plugin's `setup` fails.
 */
export async function withGeneration<T>(
  config: ResolvedConfig,
  work: (generation: Generation) => Promise<T>,
  { failed, watch }: Partial<Pick<PluginEnvironment, 'failed' | 'watch'>> = {},
): Promise<T> {
  const generation = await Generation.start(
    1,
    config,
    nodeRuntime(silent, new CacheBudget(config.cacheBytes), new Stats()),
    watch,
    failed,
  );
  try {
    return await work(generation);
  } finally {
    generation.retire();
    await generation.disposed;
  }
}

function nodeRuntime(log: Log, budget: CacheBudget, stats: Stats): Runtime {
  const cache = new SegmentCache({ maxBytes: budget, counters: stats });
  const disks = new Disks({
    fileSystem: nodeFileSystem,
    clock: systemClock,
    counters: stats,
    onHung: (folder, path, ms) => log.warn({ folder, path, ms }, 'folder does not answer'),
    onRecovered: (folder) => log.info({ folder }, 'folder answers again'),
  });
  return { log, clock: systemClock, disks, readMs, cache, stats };
}

/** A client gives up after this time without an answer. */
export function readMs(config: ResolvedConfig): number {
  return config.tftp.limits.idleMs;
}

/** Sockets that distinguish interfaces, if available and not disabled in the config; otherwise Node's own. */
function wireSockets(config: ResolvedConfig): WireSockets {
  const isNative = config.tftp.transport !== 'portable' && nativeUnavailableReason() === undefined;
  return isNative ? nativeWireSockets : portableWireSockets;
}

/** The native transport if it works, otherwise the portable one, with a log line that says why. */
function makeTransport(config: ResolvedConfig, log: Log, options: NativeOptions<TftpExchange>): Transport<TftpExchange> {
  const { events, limits, clock, stats: counters } = options;
  const portable = () => new PortableTransport({ events, limits, clock, counters, random: unpredictable });
  if (config.tftp.transport === 'portable') return portable();
  const missing = nativeUnavailableReason();
  if (missing !== undefined) {
    const fields = { reason: missing };
    if (config.tftp.transport === 'native')
      log.warn(fields, 'the native transport is not available here: using the portable one');
    else log.info(fields, 'using the portable transport');
    return portable();
  }
  const failure = proofFailure();
  if (failure !== undefined) {
    log.warn({ reason: failure }, 'the native transport does not work here: using the portable one');
    return portable();
  }
  try {
    return new NativeTransport(options);
  } catch (error) {
    log.warn({ err: error }, 'the native transport cannot be started: using the portable one');
    return portable();
  }
}
