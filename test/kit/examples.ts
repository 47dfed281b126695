/**
 * The labs in `examples/`, and what their READMEs tell people to type: `console` blocks, in which a line after `$ ` is a command
 * and the lines below it are what it prints. A command that ends in `&` runs on until the README has been read to its end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './serve.ts';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(repository, 'examples');

export interface Example {
  readonly name: string;
  /** Absolute. */
  readonly config: string;
  readonly readme: string;
}

/** `per-machine` is what the top-level config serves. */
export const examples: readonly Example[] = readdirSync(folder)
  .sort()
  .map((name) => {
    const own = join(folder, name, 'pxe.config.ts');
    const config = existsSync(own) ? own : join(repository, 'pxe.config.ts');
    return { name, config, readme: readFileSync(join(folder, name, 'README.md'), 'utf8') };
  });

export interface Command {
  readonly line: string;
  /** What it prints; empty if the README does not say. */
  readonly prints: string;
}

/** Those that a lab needs beside the server, which they stand before. */
export function preparationsIn(readme: string): readonly Command[] {
  return commandsIn(readme).filter(({ line }) => /^export /.test(line) || (/&$/.test(line) && !isServer(line)));
}

export function commandsIn(readme: string): readonly Command[] {
  const blocks = [...readme.matchAll(/^```console\n(.*?)^```$/gms)].map((match) => match[1]!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [line = '', ...rest] = text.split('\n');
        return { line, prints: rest.join('\n').trim() };
      }),
  );
}

/**
 * What was printed, as a pattern: a run of white space is any other, `…` is anything, and so are times. Tables have tabs where
 * nobody is at the terminal.
 */
export function patternOf(prints: string): RegExp {
  const parts = prints.replace(/\(\d+\.\d ms\)/g, '(… ms)').split('…');
  const escaped = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replace(/\s+/g, '\\s+'));
  return new RegExp(`^${escaped.join('[\\s\\S]*?')}$`);
}

export interface Done {
  readonly code: number | null;
  /** Both streams as they came. */
  readonly output: string;
}

/** A shell at the top of the repository. Leaving its scope ends what still runs. */
export class Shell implements AsyncDisposable {
  readonly #running: ChildProcess[] = [];
  readonly #ports = new Map<string, number>();
  /** What has been exported so far. */
  readonly environment: Record<string, string> = {};

  /** Ports of the READMEs are taken by free ones. */
  async run(line: string): Promise<Done> {
    const here = await this.#withFreePorts(line);
    const [, name, value] = /^export (\w+)=(\S+)$/.exec(here) ?? [];
    if (name !== undefined) {
      this.environment[name] = value!;
      return { code: 0, output: '' };
    }
    const background = /^(.*\S)\s*&$/.exec(here)?.[1];
    const { code, output } = await (background === undefined ? finish(this.#spawn(here)) : this.#background(background));
    return { code, output: this.#asWritten(output) };
  }

  #spawn(line: string): ChildProcess {
    const env = { ...process.env, ...this.environment, NO_COLOR: '1', npm_config_update_notifier: 'false' };
    // A group of its own: npm does not pass signals on.
    const child = spawn('sh', ['-c', line], { cwd: repository, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.push(child);
    return child;
  }

  /** Returns when the server says that it is there. */
  async #background(line: string): Promise<Done> {
    const child = this.#spawn(line);
    let output = '';
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not ready within 20 s: ${line}\n${output}`)), 20_000);
      const read = (text: string) => {
        output += text;
        if (!/\bready\b/.test(output)) return;
        clearTimeout(timer);
        resolve({ code: 0, output });
      };
      child.stdout!.setEncoding('utf8').on('data', read);
      child.stderr!.setEncoding('utf8').on('data', read);
      child.once('close', (code) => {
        clearTimeout(timer);
        reject(new Error(`ended with ${code}: ${line}\n${output}`));
      });
    });
  }

  /** `69xx` is TFTP's, `80xx` HTTP's; the server's own is told by a flag. */
  async #withFreePorts(line: string): Promise<string> {
    const named = [...line.matchAll(/\b(?:69|80)\d\d\b/g)].map(([port]) => port);
    const serving = isServer(line) ? [portOf(line)] : [];
    for (const port of [...named, ...serving]) if (!this.#ports.has(port)) this.#ports.set(port, await freePort());
    const replaced = line.replace(/\b(?:69|80)\d\d\b/g, (port) => String(this.#ports.get(port)));
    const [port] = serving;
    if (port === undefined) return replaced;
    const flag = `--port ${this.#ports.get(port)}`;
    return replaced.replace(/\s*(&?)$/, ` ${line.includes('npm start') ? '-- ' : ''}${flag} $1`);
  }

  #asWritten(output: string): string {
    return [...this.#ports].reduce((text, [written, free]) => text.replaceAll(`:${free}`, `:${written}`), output);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('close', resolve));
      process.kill(-child.pid!, 'SIGKILL');
      await ended;
    }
  }
}

function isServer(line: string): boolean {
  return /\bserve\b|\bnpm start\b/.test(line);
}

/** The port that the served config has. */
function portOf(line: string): string {
  const [, file = 'pxe.config.ts'] = /--config (\S+)/.exec(line) ?? [];
  return /port: (\d+)/.exec(readFileSync(join(repository, file), 'utf8'))![1]!;
}

function finish(child: ChildProcess): Promise<Done> {
  let output = '';
  const read = (text: string) => {
    output += text;
  };
  child.stdout!.setEncoding('utf8').on('data', read);
  child.stderr!.setEncoding('utf8').on('data', read);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 20_000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
