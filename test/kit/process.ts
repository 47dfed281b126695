/** What the operating system says of a process. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) * 1024;
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
