/**
 * Temporary files of uploads whose server was killed or lost power. A file that a running process may still write to is not
 * included, even if another server shares the folder.
 */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { FileSystem } from './filesystem.ts';
import { type Owners, processOwners } from './owner.ts';
import { isTemporaryName, ownerIn } from './temporary.ts';

export interface LeftoverOptions {
  readonly fileSystem: Pick<FileSystem, 'list' | 'stat' | 'realPath'>;
  readonly clock: Clock;
  readonly owners?: Owners;
  /** Maximum names visited, including folders. */
  readonly maxNames?: number;
  /** Time limit of the search in ms. */
  readonly limitMs?: number;
}

export interface Leftover {
  readonly path: string;
  readonly bytes: number;
}

/** Longer than a transfer waits for its next packet (`tftp.limits.idleMs` is a day at most), so nothing writes to a file of this age. */
const ABANDONED_MS = 25 * 60 * 60 * 1000;

/** Searches a folder and its subfolders without following links. Skips what cannot be read. @param dir a real path */
export async function findLeftovers(dir: string, options: LeftoverOptions): Promise<readonly Leftover[]> {
  const { fileSystem, clock, maxNames = 100_000, limitMs = 10_000 } = options;
  const found: Leftover[] = [];
  const folders = [dir];
  const deadline = clock.now() + limitMs;
  let left = maxNames;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const name of await fileSystem.list(folder).catch(() => [])) {
      if (left-- <= 0 || clock.now() > deadline) return found;
      const path = join(folder, name);
      try {
        const { kind, size, mtime, ctime } = await fileSystem.stat(path);
        if (kind === 'directory' && (await fileSystem.realPath(path)) === path) folders.push(path);
        if (kind !== 'file' || !isTemporaryName(name)) continue;
        const changedMs = Number((mtime > ctime ? mtime : ctime) / 1_000_000n);
        if (await isAbandoned(name, changedMs, options)) found.push({ path, bytes: size });
      } catch {
        // It has disappeared meanwhile, or is a broken link.
      }
    }
  }
  return found;
}

async function isAbandoned(
  name: string,
  changedMs: number,
  { clock, owners = processOwners }: LeftoverOptions,
): Promise<boolean> {
  if (clock.wallTime() - changedMs > ABANDONED_MS) return true;
  const owner = ownerIn(name);
  return owner !== undefined && (await owners.isGone(owner));
}
