/** What the operating system says of a process. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Open descriptors by kind (`socket`, `file`, `pipe`, `inotify`, …) and inotify watches (`watches`). */
export type Census = Readonly<Record<string, number>>;

export function census(pid: number): Census {
  const counts: Record<string, number> = { file: 0, socket: 0, watches: 0 };
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = kindOf(readlinkSync(`/proc/${pid}/fd/${fd}`));
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (kind === 'inotify') counts.watches! += watchesOf(pid, fd);
    } catch {
      // Closed in the meantime.
    }
  }
  return counts;
}

/** What differs, as text; `undefined` if nothing does. */
export function censusChange(before: Census, after: Census): string | undefined {
  const kinds = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = kinds.filter((kind) => (before[kind] ?? 0) !== (after[kind] ?? 0));
  if (changed.length === 0) return undefined;
  return changed.map((kind) => `${kind} ${before[kind] ?? 0} → ${after[kind] ?? 0}`).join(', ');
}

/** Resident memory, bytes. */
export function residentBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** A line of /proc/PID/status that is in kB: resident memory, or the most that it has been. */
export function statusBytes(pid: number, name: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? Number.NaN) * 1024;
}

/** CPU time that all threads of a process have used so far, in steps of 10 ms. */
export function cpuTimeMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Mappings of one kind, all together. */
export interface Mapping {
  readonly name: string;
  readonly residentBytes: number;
  readonly privateDirtyBytes: number;
}

/** What the resident memory is made of, most first: files by name and right, the C heap, stacks, and anonymous memory by its size. */
export function residentMappings(pid: number): readonly Mapping[] {
  const sums = new Map<string, Mapping>();
  for (const text of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [, from = '0', to = '0', rights = '', file = ''] = /^(\w+)-(\w+) (\S+) \S+ \S+ \S+ *(.*)/.exec(text) ?? [];
    const bytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
    const size = Number.parseInt(to, 16) - Number.parseInt(from, 16);
    const name = file === '' ? `anonymous ${rights.slice(0, 3)} ${sizeClass(size)}` : `${basename(file)} ${rights.slice(0, 3)}`;
    const { residentBytes, privateDirtyBytes } = sums.get(name) ?? { residentBytes: 0, privateDirtyBytes: 0 };
    const sum = { residentBytes: residentBytes + bytes('Rss'), privateDirtyBytes: privateDirtyBytes + bytes('Private_Dirty') };
    sums.set(name, { name, ...sum });
  }
  return [...sums.values()].filter((one) => one.residentBytes > 0).sort((a, b) => b.residentBytes - a.residentBytes);
}

/** V8's pages are of 256 KiB; more is a large object, a thread's stack, or memory shared by threads. */
function sizeClass(bytes: number): string {
  if (bytes <= 256 * 1024) return '≤ 256 KiB';
  return bytes <= 4 * 1024 ** 2 ? '≤ 4 MiB' : '> 4 MiB';
}

function kindOf(target: string): string {
  const named = /^(socket|pipe):/.exec(target) ?? /^anon_inode:\[?(\w+)/.exec(target);
  return named?.[1] ?? (target.startsWith('/dev/') ? 'device' : 'file');
}

function watchesOf(pid: number, fd: string): number {
  return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('inotify ')).length;
}
