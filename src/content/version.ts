/**
 * Which bytes a file holds, told without reading it. A version is (device, inode, size, mtime, ctime).
 *
 * Equal versions hold equal bytes as long as the file was left alone for longer than the file system's clock ticks (4–10 ms on
 * Linux) before the first look at it; `Root` waits for that. What no version can tell: writes through a shared mapping that
 * was dirty already, a single `write` that takes longer than `stableMs` (times are set when it begins), and a file system that keeps no
 * ctime of its own. A file that is replaced by rename has none of these troubles.
 */
import type { FileStat } from './filesystem.ts';

/** The key of a version: equal for equal versions only. */
export function versionKey(stat: FileStat): string {
  return `${stat.device}:${stat.inode}:${stat.size}:${stat.mtime}:${stat.ctime}`;
}

export function sameVersion(a: FileStat, b: FileStat): boolean {
  return a.ctime === b.ctime && sameButCtime(a, b);
}

/** Whether it is the same file, without any change that a plain write would make. */
export function sameButCtime(a: FileStat, b: FileStat): boolean {
  return sameFile(a, b) && a.size === b.size && a.mtime === b.mtime;
}

/** Whether it is the same file, whatever its content. */
export function sameFile(a: FileStat, b: FileStat): boolean {
  return a.inode === b.inode && a.device === b.device;
}

/** Milliseconds until a file has been left alone for `stableMs`; 0 if it has been. `now` is wall time in ms. */
export function unsettledMs(stat: FileStat, now: number, stableMs: number): number {
  const ageMs = now - Number(stat.ctime / 1_000_000n);
  // A ctime ahead of our clock (a file server's, or ours was set back) tells no age; only watching the file does.
  return ageMs < 0 ? stableMs : Math.max(0, stableMs - ageMs);
}
