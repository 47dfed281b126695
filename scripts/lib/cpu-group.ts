/**
 * CPU time of a program and of everything that it starts, ended or not: a cgroup of its own where one can be made (as root, either
 * version). A program that leaves its children to be reaped by nobody (tftpd-hpa) hides their time from everything else.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

export class CpuGroup implements Disposable {
  readonly #folder: string;
  readonly #read: (folder: string) => number;

  private constructor(folder: string, read: (folder: string) => number) {
    this.#folder = folder;
    this.#read = read;
  }

  /** `undefined` where there can be none. */
  static make(name: string): CpuGroup | undefined {
    for (const { root, marker, read } of VERSIONS) {
      if (!existsSync(join(root, marker))) continue;
      try {
        const folder = join(root, name);
        mkdirSync(folder);
        return new CpuGroup(folder, read);
      } catch {
        // Not root, or not in this container.
      }
    }
    return undefined;
  }

  /** A command that runs another one in the group. */
  get prefix(): readonly string[] {
    return ['sh', '-c', `echo $$ > ${this.#folder}/cgroup.procs && exec "$@"`, 'sh'];
  }

  get seconds(): number {
    return this.#read(this.#folder);
  }

  /** Once everything in it has ended. */
  [Symbol.dispose](): void {
    try {
      rmdirSync(this.#folder);
    } catch {
      // Something still ends: an empty group costs nothing.
    }
  }
}

const VERSIONS = [
  {
    root: '/sys/fs/cgroup',
    marker: 'cgroup.controllers',
    read: (folder: string) => Number(/^usage_usec (\d+)/m.exec(readFileSync(join(folder, 'cpu.stat'), 'utf8'))?.[1]) / 1e6,
  },
  {
    root: '/sys/fs/cgroup/cpuacct',
    marker: 'cpuacct.usage',
    read: (folder: string) => Number(readFileSync(join(folder, 'cpuacct.usage'), 'utf8')) / 1e9,
  },
] as const;
