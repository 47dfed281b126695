/**
 * Which process a temporary file belongs to, so that it can be told from one that a crash has left. Linux only; elsewhere a file tells by
 * its age alone.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

export interface Owners {
  /** This process, as it stands in names; no `.` in it. */
  readonly self: string;
  /** Whether the process has ended for certain: one of another machine, or of another container, may live. */
  isGone(owner: string): Promise<boolean>;
}

/** The start of a machine, a namespace of process numbers, a number in it, and when that process began: no two have all in common. */
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

/** Field 22 of proc_pid_stat(5); the name of the program, in parentheses, may hold anything. */
function startOf(stat: string): string {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
