/**
 * The version of a file's bytes, determined without reading them: (device, inode, size, mtime, ctime).
 *
 * Equal versions mean equal bytes if the file was unchanged, before its first stat, for longer than a tick of the file system's
 * clock (4–10 ms on Linux); `Root` waits for that. A version does not show writes through a shared mapping that was already
 * dirty, a single `write` that takes longer than `stableMs` (times are set when it begins), or changes in a file system without
 * its own ctime. Files replaced by rename have none of these problems.
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

/** Milliseconds until a file has been unchanged for `stableMs`; 0 if it has been already. `now` is wall time in ms. */
export function unsettledMs(stat: FileStat, now: number, stableMs: number): number {
  const ageMs = now - Number(stat.ctime / 1_000_000n);
  // A ctime ahead of our clock (from a file server, or because our clock was set back) does not show the age; only watching the
  // file does.
  return ageMs < 0 ? stableMs : Math.max(0, stableMs - ageMs);
}
