/**
 * The server as a user runs it: the command line in a process of its own, known only by its flags, its log and its exit.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** A line of pino's JSON; which further fields it has depends on `msg`. */
export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** An address that the server says it listens on. */
export interface Listener {
  readonly address: string;
  readonly port: number;
}

export interface ServeOptions {
  /** Flags after `serve`; `--json` is added. */
  readonly flags: readonly string[];
  /** How many addresses will be listened on. Default 1. */
  readonly listeners?: number;
  /** A command to run it with, such as `ip netns exec NAME`. */
  readonly prefix?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How the process ended; either is `null` if it was the other. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running server. Leaving its scope stops it. */
export interface Served extends AsyncDisposable {
  readonly listeners: readonly Listener[];
  /** The port of the first listener. */
  readonly port: number;
  readonly pid: number;
  /** All lines of its log so far; grows. */
  readonly log: readonly LogLine[];
  /** What it wrote that is no JSON, so most likely a crash; grows. */
  readonly noise: readonly string[];
  /** The first line that fits, past or to come. Throws after `timeoutMs` (default 5,000), or when the server has ended without one. */
  logged(fits: (line: LogLine) => boolean, timeoutMs?: number): Promise<LogLine>;
  /** SIGTERM, then SIGKILL after `graceMs` (default 5,000). A second call returns the first one's answer. */
  stop(graceMs?: number): Promise<Exit>;
}

/** Starts the server, and returns when it listens. */
export async function serve(options: ServeOptions): Promise<Served> {
  const [command, ...args] = [...(options.prefix ?? []), process.execPath, cli, 'serve', '--json', ...options.flags];
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  const log: LogLine[] = [];
  const noise: string[] = [];
  const waiting = new Set<() => void>();
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  let ended = false;
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };
  const end = () => {
    ended = true;
    wakeAll();
  };
  exit.then(end, end);
  createInterface(child.stdout).on('line', (line) => {
    const parsed = parse(line);
    if (parsed === undefined) noise.push(line);
    else log.push(parsed);
    wakeAll();
  });
  createInterface(child.stderr).on('line', (line) => noise.push(line));

  /** Polls nothing: tried at every line of the log. */
  async function until<T>(attempt: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const tail = () => [...log.slice(-10).map((line) => JSON.stringify(line)), ...noise.slice(-20)].join('\n');
    const wake = () => {
      const value = attempt();
      if (value !== undefined) resolve(value);
      else if (ended) reject(new Error(`the server ended before ${what}:\n${tail()}`));
    };
    const timer = setTimeout(() => reject(new Error(`no ${what} within ${timeoutMs} ms:\n${tail()}`)), timeoutMs);
    waiting.add(wake);
    wake();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waiting.delete(wake);
    }
  }

  const wanted = options.listeners ?? 1;
  try {
    const listeners = await until(() => listenersIn(log, wanted), `${wanted} listening line(s)`, 15_000);
    return {
      listeners,
      port: listeners[0]!.port,
      pid: child.pid!,
      log,
      noise,
      logged: (fits, timeoutMs = 5000) => until(() => log.find(fits), 'fitting log line', timeoutMs),
      stop: (graceMs = 5000) => stop(child, exit, graceMs),
      [Symbol.asyncDispose]: async () => void (await stop(child, exit, 5000)),
    };
  } catch (error) {
    await stop(child, exit, 0);
    throw error;
  }
}

/**
 * A UDP port that is free on `127.0.0.1` and, where there is IPv6, on `::1`. It is below the ephemeral range, so the system assigns it
 * to no other socket before the server binds it, and this process claims it, so no other test gets it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if ((await bindable('udp4', '127.0.0.1', port)) && (await bindable('udp6', '::1', port)) && (await claim(port))) return port;
  }
  throw new Error('no free UDP port');
}

/** Claims a port until this process ends, by an abstract Unix socket named after it. Only Linux has these. */
async function claim(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const server = createServer().unref();
  try {
    server.listen(`\0pxe-test-port-${port}`);
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
}

async function bindable(type: 'udp4' | 'udp6', address: string, port: number): Promise<boolean> {
  const socket = createSocket(type);
  try {
    socket.bind(port, address);
    await once(socket, 'listening');
    return true;
  } catch (error) {
    // Without IPv6 there is nothing to bind.
    return ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes((error as NodeJS.ErrnoException).code ?? '');
  } finally {
    socket.close();
  }
}

function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'msg' in value ? (value as LogLine) : undefined;
  } catch {
    return undefined;
  }
}

function listenersIn(log: readonly LogLine[], wanted: number): readonly Listener[] | undefined {
  const found = log.flatMap(({ msg, address, port }) =>
    msg === 'listening' && typeof address === 'string' && typeof port === 'number' ? [{ address, port }] : [],
  );
  return found.length >= wanted ? found : undefined;
}

async function stop(child: ChildProcess, exit: Promise<Exit>, graceMs: number): Promise<Exit> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  try {
    return await exit;
  } finally {
    clearTimeout(timer);
  }
}
