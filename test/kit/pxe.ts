/**
 * The command line as a user has it, run to its end. (`serve.ts` beside this runs the server.)
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process takes half as long to start when it finds the sources compiled. The cache knows them by their bytes. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/** The program's entry. */
export const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command to run it with, such as `setpriv --reuid 65534`. */
  readonly prefix?: readonly string[];
  /** Killed after so long, which shows as signal SIGKILL. */
  readonly limitMs?: number;
}

/** How a program ended, and what it said. */
export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function pxe(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run([process.execPath, cli, ...args], options);
}

export function run(command: readonly string[], { cwd, env, prefix = [], limitMs = 20_000 }: RunOptions = {}): Promise<Ran> {
  const [program, ...args] = [...prefix, ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...process.env, NO_COLOR: '1', ...env },
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, ...output });
    });
  });
}

/** A program that runs on. Leaving its scope ends it. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** So far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Keystrokes, for a terminal. */
  type(keys: string): void;
  /** Waits for a sign of life in standard output; throws with all that was said if it does not come. */
  until<T>(look: (stdout: string) => T | undefined | null | false, what: string, ms?: number): Promise<T>;
  kill(signal: NodeJS.Signals): void;
  /** What it writes is left unread from now on. */
  pauseOutput(): void;
  /** No more is read of what it writes. */
  hangUp(): void;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export interface StartOptions extends RunOptions {
  /** Descriptors that it gets as 3, 4, … */
  readonly fds?: readonly number[];
}

export function start(command: readonly string[], { cwd, env, prefix = [], fds = [] }: StartOptions = {}): Running {
  const [program, ...args] = [...prefix, ...command];
  const child = spawn(program!, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...fds] as unknown as ['pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
  });
  const output = { stdout: '', stderr: '' };
  const wakes = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of wakes) wake();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
      wakeAll();
    });
  }
  child.stdin.on('error', () => {});
  let over = false;
  const ended = new Promise<Awaited<Running['ended']>>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      resolve({ code, signal });
      wakeAll();
    });
  });
  return {
    pid: child.pid!,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    type: (keys) => void child.stdin.write(keys),
    until: (look, what, ms = 8000) =>
      new Promise((resolve, reject) => {
        const give = (settle: () => void) => {
          clearTimeout(timer);
          wakes.delete(wake);
          settle();
        };
        const told = () => `${output.stdout}\n${output.stderr}`;
        const wake = () => {
          const found = look(output.stdout);
          if (found !== undefined && found !== null && found !== false) give(() => resolve(found));
          else if (over) give(() => reject(new Error(`ended before ${what}:\n${told()}`)));
        };
        const timer = setTimeout(() => give(() => reject(new Error(`no ${what} within ${ms} ms:\n${told()}`))), ms);
        wakes.add(wake);
        wake();
      }),
    kill: (signal) => void child.kill(signal),
    pauseOutput: () => void child.stdout.pause(),
    hangUp() {
      child.stdout.destroy();
    },
    ended,
    async [Symbol.asyncDispose]() {
      if (over) return;
      child.kill('SIGKILL');
      child.stdout.destroy();
      child.stderr.destroy();
      await ended;
    },
  };
}
