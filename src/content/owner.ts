/**
 * Identifies the process that a temporary file belongs to, to recognise files left by a crash. Linux only; elsewhere only the age
 * of a file counts.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface Owners {
  /** This process, as written into names; contains no `.`. */
  readonly self: string;
  /** Whether the process has certainly ended; one of another machine or container may still run. */
  isGone(owner: string): Promise<boolean>;
}

/**
 * The machine's boot, the namespace of process numbers, the number in it, and the start of the process: no two processes agree in
 * all of them.
 */
interface ProcessName {
  readonly machine: string;
  readonly pid: string;
  readonly start: string;
}

export const processOwners: Owners = {
  get self() {
    self ??= describeSelf();
    return self === undefined ? UNKNOWN : `${self.machine}-${self.pid}-${self.start}`;
  },
  async isGone(owner) {
    self ??= describeSelf();
    const [boot, namespace, pid, start] = owner.split('-');
    if (self === undefined || pid === undefined || `${boot}-${namespace}` !== self.machine) return false;
    try {
      return startOf(await readFile(`/proc/${pid}/stat`, 'latin1')) !== start;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT';
    }
  },
};

const UNKNOWN = 'unknown';

let self: ProcessName | undefined;

function describeSelf(): ProcessName | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
    const namespace = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
    const stat = readFileSync('/proc/self/stat', 'latin1');
    return { machine: `${boot}-${namespace}`, pid: stat.slice(0, stat.indexOf(' ')), start: startOf(stat) };
  } catch {
    return undefined;
  }
}

/** Field 22 of proc_pid_stat(5); the program's name, in parentheses, may contain any character. */
function startOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
