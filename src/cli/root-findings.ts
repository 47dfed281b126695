/**
 * What may go wrong with the files under the root, whoever asks: names that differ in case only, and files that are too long for
 * some clients. It looks at names and sizes, within bounds; it opens nothing.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../content/clock.ts';
import { isTemporaryName } from '../content/temporary.ts';
import type { Finding } from '../plugin/types.ts';

export interface WalkLimits {
  readonly clock: Clock;
  /** Names looked at, folders included. */
  readonly names?: number;
  readonly ms?: number;
}

/** @param root absolute; if it cannot be read nothing is found */
export async function rootFindings(root: string, limits: WalkLimits): Promise<readonly Finding[]> {
  const { files, twins, whole } = await walk(root, limits);
  return [...twinFindings(twins), ...lengthFindings(files), ...(whole ? [] : [unfinished(files.length)])];
}

interface Walked {
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Names of one folder that differ in case only. */
  readonly twins: readonly (readonly string[])[];
  /** False if a bound was met. */
  readonly whole: boolean;
}

/** Links are left out: what they lead to under the root is met by itself. */
async function walk(root: string, { clock, names = 100_000, ms = 10_000 }: WalkLimits): Promise<Walked> {
  const files: { name: string; bytes: number }[] = [];
  const twins: string[][] = [];
  const folders = [root];
  const deadline = clock.now() + ms;
  let left = names;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await entriesOf(folder);
    twins.push(...twinsOf(entries.map(({ name }) => nameUnder(root, join(folder!, name)))));
    for (const entry of entries) {
      if (left-- <= 0 || clock.now() > deadline) return { files, twins, whole: false };
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) files.push({ name: nameUnder(root, path), bytes: await bytesOf(path) });
    }
  }
  return { files, twins, whole: true };
}

/** Sorted, so that two runs tell the same. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter(({ name }) => !isTemporaryName(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A file that has gone meanwhile is short enough. */
async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

function nameUnder(root: string, path: string): string {
  return relative(root, path).replaceAll('\\', '/');
}

function twinsOf(names: readonly string[]): string[][] {
  const groups = Map.groupBy(names, (name) => name.toLowerCase());
  return [...groups.values()].filter((group) => group.length > 1);
}

/** More of one kind are counted only. */
const TOLD = 10;

function twinFindings(twins: readonly (readonly string[])[]): Finding[] {
  const told = twins
    .slice(0, TOLD)
    .map((names) => finding(`${names.join(' and ')} differ in case only: keep one, or clients that mix up case get either`));
  return twins.length > TOLD ? [...told, finding(`${twins.length - TOLD} more names differ in case only`)] : told;
}

/** RFC 1350 counts 65,535 blocks, and the last one is shorter than the others. The server rolls over; not all clients do. */
const BLOCKS = 65_535;
const CLIENTS = [
  { blockSize: 1468, who: 'UEFI firmware' },
  { blockSize: 1024, who: 'Raspberry Pi' },
  { blockSize: 512, who: 'clients that ask for no blksize' },
] as const;

/** Each file stands below the longest limit that it is past: those of smaller blocks go without saying. */
function lengthFindings(files: Walked['files']): Finding[] {
  const limitOf = (bytes: number) => CLIENTS.find(({ blockSize }) => bytes >= BLOCKS * blockSize);
  const groups = Map.groupBy(files, ({ bytes }) => limitOf(bytes));
  return CLIENTS.flatMap((limit) => {
    const long = groups.get(limit) ?? [];
    if (long.length === 0) return [];
    const names = long.slice(0, TOLD).map(({ name, bytes }) => `${name} (${bytes} bytes)`);
    const more = long.length > TOLD ? ` and ${long.length - TOLD} more` : '';
    const most = BLOCKS * limit.blockSize - 1;
    return [
      finding(
        `too long for a client whose block numbers do not roll over: ${most} bytes in blocks of ${limit.blockSize} (${limit.who}): ${names.join(', ')}${more}`,
      ),
    ];
  });
}

function unfinished(files: number): Finding {
  return finding(`only the first ${files} files were looked at for length and case: there are too many`);
}

function finding(message: string): Finding {
  return { severity: 'warning', path: ['rootDir'], message };
}
