/**
 * Finds problems of files under the root that affect any client: names that differ only in case, files too long for some clients,
 * unreadable files, and links that are broken or lead out of the root. It checks names, sizes and permissions, within bounds, and
 * opens no file.
 */
import { constants, type Dirent } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { isTemporaryName } from '../content/temporary.ts';
import type { Finding } from '../plugin/types.ts';
import { type LinkFault, linkFault } from './link.ts';

export interface WalkOptions {
  readonly clock: Clock;
  /** Whether links out of the root are served. */
  readonly followLinks?: boolean;
  /** Whether names are found regardless of case. */
  readonly caseInsensitive?: boolean;
  /** The serving user whose permissions count, if it differs from the current user; unreadable files are then errors. */
  readonly user?: string | undefined;
  /** Maximum names examined, including folders. */
  readonly names?: number;
  readonly ms?: number;
}

/** @param root absolute; if it does not exist, there are no findings */
export async function rootFindings(root: string, options: WalkOptions): Promise<readonly Finding[]> {
  const { files, twins, unreadable, links, whole } = await walk(root, options);
  return [
    ...unreadableFindings(unreadable, options.user),
    ...linkFindings(links, options.followLinks ?? false),
    ...twinFindings(twins),
    ...(options.caseInsensitive ? [] : spellingFindings(files.map(({ name }) => name))),
    ...lengthFindings(files),
    ...(whole ? [] : [unfinished(files.length)]),
  ];
}

interface Walked {
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** Names of one folder that differ only in case. */
  readonly twins: readonly (readonly string[])[];
  /** Files, and folders with their content. */
  readonly unreadable: readonly string[];
  readonly links: readonly (LinkFault & { readonly name: string })[];
  /** False if a bound was reached. */
  readonly whole: boolean;
}

/** Links are not followed: targets under the root are visited anyway. */
async function walk(root: string, { clock, names = 100_000, ms = 10_000 }: WalkOptions): Promise<Walked> {
  const files: { name: string; bytes: number }[] = [];
  const twins: string[][] = [];
  const unreadable: string[] = [];
  const links: (LinkFault & { name: string })[] = [];
  const walked = { files, twins, unreadable, links };
  const folders = [root];
  const deadline = clock.now() + ms;
  let left = names;
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await entriesOf(folder);
    if (entries === undefined) {
      if (folder !== root) unreadable.push(`${nameUnder(root, folder)}/`);
      continue;
    }
    twins.push(...twinsOf(entries.map(({ name }) => nameUnder(root, join(folder!, name)))));
    for (const entry of entries) {
      if (left-- <= 0 || clock.now() > deadline) return { ...walked, whole: false };
      const path = join(folder, entry.name);
      const name = nameUnder(root, path);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) {
        files.push({ name, bytes: await bytesOf(path) });
        if (!(await isReadable(path))) unreadable.push(name);
      } else if (entry.isSymbolicLink()) {
        const fault = linkFault(root, path);
        if (fault) links.push({ ...fault, name });
      }
    }
  }
  return { ...walked, whole: true };
}

/** Sorted, so that two runs give the same result; `undefined` if the folder cannot be read or searched. */
async function entriesOf(folder: string): Promise<Dirent[] | undefined> {
  const entries = await readdir(folder, { withFileTypes: true })
    .then((entries) => access(folder, constants.X_OK).then(() => entries))
    .catch((error) => (isForbidden(error) ? undefined : []));
  return entries?.filter(({ name }) => !isTemporaryName(name)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** A file that has disappeared counts as short enough. */
async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    (error) => !isForbidden(error),
  );
}

function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function nameUnder(root: string, path: string): string {
  return relative(root, path).replaceAll('\\', '/');
}

function twinsOf(names: readonly string[]): string[][] {
  const groups = Map.groupBy(names, (name) => name.toLowerCase());
  return [...groups.values()].filter((group) => group.length > 1);
}

/** Maximum names listed of each kind; the rest are counted. */
const MAX_LISTED = 10;

function twinFindings(twins: readonly (readonly string[])[]): Finding[] {
  const told = twins
    .slice(0, MAX_LISTED)
    .map((names) => finding(`${names.join(' and ')} differ only in case: keep one, or clients that mix up case may get either`));
  return twins.length > MAX_LISTED ? [...told, finding(`${twins.length - MAX_LISTED} more names differ only in case`)] : told;
}

/** PXELINUX and GRUB spell MAC addresses and UUIDs in lower case, and addresses in upper case. */
function spellingFindings(names: readonly string[]): Finding[] {
  return names.flatMap((name) => {
    const [, folder = '', prefix = '', part = ''] = /^(.*\/)?(01-|grub\.cfg-01-|grub\.cfg-|)([\dA-Fa-f-]+)$/.exec(name) ?? [];
    if (!/(^|\/)(pxelinux\.cfg|grub|grub2)\/$/.test(folder)) return [];
    const isAddress = /^[\dA-Fa-f]{8}$/.test(part) && !prefix.endsWith('01-');
    const isIdentity = /^([\dA-Fa-f]{2}-){5}[\dA-Fa-f]{2}$|^[\dA-Fa-f]{8}(-[\dA-Fa-f]{4}){3}-[\dA-Fa-f]{12}$/.test(part);
    const asked = isAddress ? part.toUpperCase() : isIdentity ? part.toLowerCase() : part;
    return asked === part ? [] : [finding(`${name} is never requested: boot loaders spell it ${folder}${prefix}${asked}`)];
  });
}

function unreadableFindings(names: readonly string[], user: string | undefined): Finding[] {
  if (names.length === 0) return [];
  const reader = user === undefined ? 'the user that runs this check' : `user ${user}`;
  const message = `${reader} cannot read ${listed(names)}: change owner or mode, or clients get ERROR 2`;
  return [{ ...finding(message), ...(user === undefined ? {} : { severity: 'error' }) }];
}

function linkFindings(links: Walked['links'], followLinks: boolean): Finding[] {
  const spelt = (kind: LinkFault['kind']) =>
    links.filter((link) => link.kind === kind).map(({ name, target }) => `${name} -> ${target}`);
  const broken = spelt('broken');
  const outside = followLinks ? [] : spelt('outside');
  return [
    ...(broken.length > 0 ? [finding(`broken links: ${listed(broken)}`)] : []),
    ...(outside.length > 0
      ? [finding(`links that lead out of the root are refused (ERROR 2) without followLinks: ${listed(outside)}`)]
      : []),
  ];
}

/** Lists the first few by name. */
function listed(names: readonly string[]): string {
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : '';
  return `${names.slice(0, MAX_LISTED).join(', ')}${more}`;
}

/**
 * RFC 1350 permits 65,535 blocks, of which the last is shorter. The server's block numbers roll over, but not all clients support
 * that.
 */
const BLOCKS = 65_535;
const CLIENTS = [
  { blockSize: 1468, who: 'UEFI firmware' },
  { blockSize: 1024, who: 'Raspberry Pi' },
  { blockSize: 512, who: 'clients that do not ask for blksize' },
] as const;

/** Each file is listed under the largest limit that it exceeds, which implies the limits of smaller blocks. */
function lengthFindings(files: Walked['files']): Finding[] {
  const limitOf = (bytes: number) => CLIENTS.find(({ blockSize }) => bytes >= BLOCKS * blockSize);
  const groups = Map.groupBy(files, ({ bytes }) => limitOf(bytes));
  return CLIENTS.flatMap((limit) => {
    const long = groups.get(limit) ?? [];
    if (long.length === 0) return [];
    const names = listed(long.map(({ name, bytes }) => `${name} (${bytes} bytes)`));
    const most = BLOCKS * limit.blockSize - 1;
    return [
      finding(
        `too large for a client whose block numbers do not roll over: ${most} bytes in blocks of ${limit.blockSize} (${limit.who}): ${names}`,
      ),
    ];
  });
}

function unfinished(files: number): Finding {
  return finding(`only the first ${files} files were checked for size and case: there are too many`);
}

function finding(message: string): Finding {
  return { severity: 'warning', path: ['rootDir'], message };
}
