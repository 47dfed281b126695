/**
 * `pxe serve`: the server until a signal ends it.
 */
import { accessSync, constants, existsSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { systemClock } from '../base/clock.ts';
import { FileWatcher } from '../config/watch.ts';
import { createResolvedServer } from '../server/create.ts';
import { Reloader } from '../server/reloader.ts';
import type { Server } from '../server/server.ts';
import { Stats } from '../stats/stats.ts';
import { EXIT } from './exit.ts';
import { isJournal } from './journal.ts';
import { explainListenError } from './listen-error.ts';
import { type AppLog, createLog, type LogOptions } from './log.ts';
import { LogDestination } from './log-destination.ts';
import { isColoured } from './painting.ts';
import { dropPrivileges, inheritedSockets } from './privileges.ts';
import { reviewReload } from './review.ts';
import { settleHeap } from './runtime.ts';
import { UNREADABLE } from './server-lines.ts';
import {
  configOption,
  interfaceOption,
  jsonOption,
  loadSettings,
  type Overrides,
  portOption,
  reloadSettings,
  rootDirOption,
  type Settings,
} from './settings.ts';
import { logStatus } from './status.ts';
import { Watchdog } from './watchdog/watchdog.ts';

/** Maximum wait for the last lines of the log. */
const FLUSH_MS = 500;

/** Code that a plugin left running must not keep the process alive. */
const LEFT_RUNNING_MS = 500;

interface ServeFlags extends Overrides {
  /** False with `--no-watch`. */
  readonly watch: boolean;
  readonly json?: boolean;
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve files by TFTP until SIGINT or SIGTERM')
    .argument('[folder]', 'folder to serve, the same as --root-dir')
    .addOption(configOption())
    .addOption(interfaceOption())
    .addOption(portOption())
    .addOption(rootDirOption())
    .option('-v, --verbose', 'log more: dropped datagrams, each step of a request')
    .option('--no-watch', 'reload only on SIGHUP, not when the config or a file it uses changes')
    .addOption(jsonOption('log JSON lines even on a terminal'))
    .addHelpText(
      'after',
      `
Flags override the config. With a folder, no config is needed.

The config is reloaded when it or a file that it imports is saved, and on SIGHUP. Transfers under way continue as they began.
If the new config is invalid, the log says why, and the current config stays in force.

After the first SIGINT or SIGTERM, transfers have limits.stopMs to finish; a second one ends them with ERROR 0. If the process
has not ended two seconds later, it is killed. SIGUSR1 logs the transfers under way and all counters.
Sockets passed by systemd (LISTEN_FDS) replace "tftp.listen".

Examples:
  pxe serve
  pxe serve ./tftpboot --interface 192.168.7.1 --interface lab0
  pxe serve --config lab/pxe.config.ts --port 6969 --verbose

${EXIT.help}`,
    )
    .action((folder: string | undefined, flags: ServeFlags) =>
      serve(folder === undefined ? flags : { ...flags, rootDir: folder }),
    );
}

async function serve(flags: ServeFlags): Promise<void> {
  keepDebuggerClosed();
  const watchdog = new Watchdog();
  const settings = await watchdog.during('the import of the config', () => loadSettings(flags));
  const { config, file } = settings;
  const stats = new Stats();
  const destination = new LogDestination(process.stdout.fd, { stats });
  let logging = config.log;
  const log = createLog({ settings: () => logging, ...logTarget(flags) }, destination);
  destination.onLost = ({ lines, error }) => log.warn({ lines, reason: error?.code ?? 'reader too slow' }, 'log lines were lost');
  process.on('exit', () => destination.flushSync(FLUSH_MS));
  watchdog.log = log;
  watchdog.stopMs = config.limits.stopMs;
  const sockets = inheritedSockets();
  const server = createResolvedServer(config, { log, activity: watchdog, stats, ...(sockets ? { sockets } : {}) });
  log.info({ config: file, rootDir: config.rootDir, plugins: config.plugins.map(({ plugin }) => plugin.name) }, 'starting');
  if (!existsSync(config.rootDir))
    log.warn({ rootDir: config.rootDir }, 'there is no such folder: nothing can be served from it');
  server.on('reload', ({ config }) => {
    logging = config.log;
    log.level = logging.level;
  });
  surviveUsersCode(log);
  const stopped = stopOnSignal(server, log, watchdog);
  process.on('SIGUSR1', () => void logStatus(server, log));
  try {
    await server.start();
    if (config.user !== undefined) dropPrivileges(config.user);
  } catch (error) {
    // Its sockets would keep the process alive, as root.
    await server.stop(0);
    await watchdog.loaded();
    throw explainListenError(error);
  }
  const reloader = await startReloader(server, flags, settings, log, watchdog);
  await watchdog.loaded();
  settleHeap();
  log.info({}, 'ready');
  await stopped;
  await reloader?.stop();
  log.info({}, 'stopped');
  await destination.flush(FLUSH_MS);
  endServer(log, destination);
}

/** The kind of standard output. */
function logTarget({ json }: ServeFlags): Pick<LogOptions, 'terminal' | 'journal'> {
  const { stdout, env } = process;
  const journal = isJournal(stdout.fd, env.JOURNAL_STREAM);
  if (json || !stdout.isTTY) return { terminal: undefined, journal };
  return { terminal: { columns: () => stdout.columns || 80, coloured: isColoured(stdout, env) }, journal };
}

/** Reloads the server when its config changes, if it has a config file. */
async function startReloader(
  server: Server,
  flags: ServeFlags,
  settings: Settings,
  log: AppLog,
  watchdog: Watchdog,
): Promise<Reloader | undefined> {
  const { file, files, since } = settings;
  if (file === undefined) return undefined;
  for (const path of files) if (!isReadable(path)) log.warn({ path }, UNREADABLE);
  server.on('reload', ({ config }) => {
    watchdog.stopMs = config.limits.stopMs;
  });
  const clock = systemClock;
  const onEventsLost = (error: unknown) =>
    log.warn({ err: error }, 'file events have stopped (inotify limit?): checking every two seconds');
  const watcher = (changed: (files: readonly string[]) => void) => new FileWatcher({ clock, changed, onEventsLost });
  const load = (known: readonly string[]) =>
    watchdog.during('the import of the config', () => reloadSettings(flags, file, known));
  const review = () => reviewReload(server, log, file);
  const reloader = new Reloader({ server, log, clock, load, review, ...(flags.watch ? { watcher } : {}) }, files);
  process.on('SIGHUP', () => {
    // Closing the terminal causes the same signal.
    if (isTerminalGone()) process.kill(process.pid, 'SIGTERM');
    else void reloader.request('SIGHUP');
  });
  await reloader.start(since);
  return reloader;
}

/** The server may have changed its user since it read the file. */
function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EACCES';
  }
}

function isTerminalGone(): boolean {
  if (!process.stdout.isTTY) return false;
  try {
    writeSync(1, '');
    return false;
  } catch {
    return true;
  }
}

/** A plugin's timer that throws, or an unhandled rejection, must not end all transfers. */
function surviveUsersCode(log: AppLog): void {
  const tell = (error: unknown) => {
    log.error({ err: error }, 'uncaught error, most likely in a plugin');
  };
  process.on('unhandledRejection', tell).on('uncaughtException', tell);
}

/** Resolves when a signal has ended the server. */
function stopOnSignal(server: Server, log: AppLog, watchdog: Watchdog): Promise<void> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const stop = async (signal: string): Promise<void> => {
      signals++;
      watchdog.countSignal();
      log.info({ signal, transfers: (await server.exchanges()).length }, signals > 1 ? 'stopping at once' : 'stopping');
      await server.stop(signals > 1 ? 0 : undefined);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => void stop(signal).then(resolve, reject));
    }
    watchdog.watchSignals();
  });
}

/**
 * dnsmasq's signals for statistics and for its log must be harmless here: by default they open Node's debugger or end the
 * process.
 */
function keepDebuggerClosed(): void {
  process.on('SIGUSR1', () => {}).on('SIGUSR2', () => {});
}

/** Ends the process even if something still runs: a plugin's timer, or a file system call that never returns. */
function endServer(log: AppLog, destination: LogDestination): void {
  setTimeout(() => {
    const hanging = process.getActiveResourcesInfo().filter((name) => name.startsWith('FSReq')).length;
    // Node would wait forever for its thread pool.
    if (hanging > 0) {
      log.warn({ hanging }, 'file system calls do not return: killing the process');
      destination.flushSync(LEFT_RUNNING_MS);
      process.kill(process.pid, 'SIGKILL');
    }
    process.exit();
  }, LEFT_RUNNING_MS).unref();
}
