/**
 * The command line as a user has it, run to its end. (`serve.ts` beside this runs the server.)
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

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
