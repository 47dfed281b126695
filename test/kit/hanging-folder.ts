/**
 * A folder on a file system (FUSE) whose calls hang or fail as a test says. Needs root, fuse3 and python3-fusepy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from './pxe.ts';
import { type Need, requireFiles, requireRoot, requireTools } from './tools.ts';

const script = fileURLToPath(new URL('hanging-fs.py', import.meta.url));
const PYTHON = '/usr/bin/python3';
/** FUSE_SUPER_MAGIC of linux/magic.h. */
const FUSE_KIND = 0x65735546;

export function requireFuse(): readonly Need[] {
  return [
    requireRoot(),
    ...requireTools('umount'),
    ...requireFiles(PYTHON, '/dev/fuse', '/usr/lib/python3/dist-packages/fusepy.py'),
  ];
}

export interface Trouble {
  readonly call: 'getattr' | 'open' | 'read' | '*';
  /** Below the folder; `*` for all. */
  readonly name: string;
  /** `hang`, or the name of an error. */
  readonly does: string;
}

/** Leaving its scope lets everything go on, and takes the folder away. */
export class HangingFolder implements AsyncDisposable {
  /** Where it is to be used. */
  readonly path: string;
  readonly #base: string;
  #daemon: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  private constructor() {
    this.#base = mkdtempSync(join(tmpdir(), 'pxe-hanging-'));
    this.path = join(this.#base, 'mount');
  }

  static async make(): Promise<HangingFolder> {
    const made = new HangingFolder();
    try {
      await made.#mount();
      return made;
    } catch (error) {
      await made[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Writes a file beside the hanging calls, so that this never hangs. */
  put(name: string, bytes: string | Uint8Array): string {
    const file = join(this.#source, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    return join(this.path, name);
  }

  /** From now on, in place of what was said before. */
  trouble(...all: readonly Trouble[]): void {
    const lines = all.map(({ call, name, does }) => `${call} ${name === '*' ? '*' : `/${name}`} ${does}\n`);
    writeFileSync(`${this.#control}.new`, lines.join(''));
    renameSync(`${this.#control}.new`, this.#control);
  }

  /** Nothing hangs any more. */
  release(): void {
    this.trouble();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await run(['umount', '--lazy', this.path]);
    // It would go on while another mount namespace has the folder: `ip netns exec` of any other test makes one.
    this.#daemon?.kill('SIGKILL');
    await this.#ended;
    rmSync(this.#base, { recursive: true, force: true });
  }

  get #source(): string {
    return join(this.#base, 'source');
  }

  get #control(): string {
    return join(this.#base, 'control');
  }

  async #mount(): Promise<void> {
    mkdirSync(this.#source);
    mkdirSync(this.path);
    this.release();
    const child = spawn(PYTHON, [script, this.#source, this.path, this.#control], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    this.#daemon = child;
    this.#ended = once(child, 'close');
    for (const deadline = performance.now() + 10_000; statfsSync(this.path).type !== FUSE_KIND; ) {
      if (child.exitCode !== null || performance.now() > deadline) throw new Error(`no FUSE at ${this.path}: ${said}`);
      await sleep(20);
    }
  }
}
