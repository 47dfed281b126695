/** A control group of Linux that bounds the memory of a process, made and removed by the test; version 2, or 1 where the memory controller is there. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Need } from './tools.ts';

const ROOT = '/sys/fs/cgroup';

interface Kind {
  readonly folder: string;
  readonly limit: string;
  readonly swap: readonly [file: string, value: (bytes: number) => number];
  /** Times that the bound was hit by killing. */
  kills(folder: string): number;
}

const V2: Kind = {
  folder: ROOT,
  limit: 'memory.max',
  swap: ['memory.swap.max', () => 0],
  kills: (folder) => numberIn(join(folder, 'memory.events'), /^oom_kill (\d+)/m),
};
const V1: Kind = {
  folder: join(ROOT, 'memory'),
  limit: 'memory.limit_in_bytes',
  swap: ['memory.memsw.limit_in_bytes', (bytes) => bytes],
  kills: (folder) => numberIn(join(folder, 'memory.oom_control'), /^oom_kill (\d+)/m),
};

export interface MemoryGroup extends AsyncDisposable {
  /** A shell's command that runs its arguments in the group. */
  readonly prefix: readonly string[];
  /** Processes that were killed because the group was full. */
  readonly kills: number;
}

/** Whether groups can be made: as root, in most machines, and in few containers. */
export function requireMemoryGroup(): Need {
  const group = makeGroup('probe', 64 * 1024 ** 2);
  if (group !== undefined) rmdirSync(group.folder);
  return { what: 'a memory controller of cgroups that root may use', met: group !== undefined };
}

/** Throws if there can be none: ask {@link requireMemoryGroup} first. */
export function memoryGroup(bytes: number): MemoryGroup {
  const group = makeGroup('test', bytes);
  if (group === undefined) throw new Error('no control group could be made');
  const { kind, folder } = group;
  return {
    prefix: ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder],
    get kills() {
      return kind.kills(folder);
    },
    async [Symbol.asyncDispose]() {
      // A process that has ended leaves its group a moment later.
      for (let attempt = 0; ; attempt++) {
        try {
          return rmdirSync(folder);
        } catch (error) {
          if (attempt === 50) throw error;
          await sleep(100);
        }
      }
    },
  };
}

function makeGroup(purpose: string, bytes: number): { readonly kind: Kind; readonly folder: string } | undefined {
  for (const kind of [V1, V2]) {
    const folder = join(kind.folder, `pxe-${purpose}-${process.pid}`);
    try {
      mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      writeFileSync(join(folder, kind.limit), String(bytes));
      kind.kills(folder);
    } catch {
      rmdirSync(folder);
      continue;
    }
    try {
      const [file, value] = kind.swap;
      writeFileSync(join(folder, file), String(value(bytes)));
    } catch {
      // A kernel that does not count swap.
    }
    return { kind, folder };
  }
  return undefined;
}

function numberIn(file: string, pattern: RegExp): number {
  const found = pattern.exec(readFileSync(file, 'utf8'));
  if (found === null) throw new Error(`${file} does not say ${pattern}`);
  return Number(found[1]);
}
