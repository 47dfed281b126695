/**
 * Finds what will not work in a config: folders, interfaces, files under the root, plugins that cannot be set up, and the
 * findings of the plugins themselves. It changes nothing, and its time is bounded.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { parseAddress } from '../base/address.ts';
import { systemClock, within } from '../base/clock.ts';
import { formatPath, type Issue } from '../base/issue.ts';
import { ConfigError } from '../config/error.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { nodeFileSystem } from '../content/node-filesystem.ts';
import { UploadFolder } from '../content/upload.ts';
import { PluginError } from '../plugin/error.ts';
import type { Finding } from '../plugin/types.ts';
import { bootFindings } from '../server/boot-check.ts';
import { withGeneration } from '../server/create.ts';
import type { Generation } from '../service/generation.ts';
import { duplicateFindings } from './duplicates.ts';
import { idleKeyFindings } from './idle-keys.ts';
import { whyNoAccount } from './privileges.ts';
import { rootFindings } from './root-findings.ts';

/**
 * All findings of a config. Sets the plugins up, as `serve` does, and disposes of them.
 * @param files that the config is made of
 * @param watch called with each file that a plugin wants watched; its change may change the findings
 */
export async function findProblems(
  config: ResolvedConfig,
  files: readonly string[],
  watch: (file: string) => void = () => {},
): Promise<readonly Finding[]> {
  const { rootDir, followLinks, caseInsensitive, user } = config;
  return [
    ...(await configFindings(config)),
    ...idleKeyFindings(config),
    ...userFindings(user, files),
    ...duplicateFindings(files),
    ...twiceFindings(config),
    ...(await rootFindings(rootDir, { clock: systemClock, followLinks, caseInsensitive, user })),
    ...(await pluginFindings(config, watch)),
    ...(await uploadFindings(config)),
  ];
}

/** The server removes them when it starts; until then they take up space. */
async function uploadFindings({ uploads }: ResolvedConfig): Promise<Finding[]> {
  if (!uploads) return [];
  const folder = new UploadFolder({ ...uploads, fileSystem: nodeFileSystem });
  const found = await folder.leftovers().catch(() => []);
  if (found.length === 0) return [];
  const bytes = found.reduce((sum, leftover) => sum + leftover.bytes, 0);
  const message = `contains ${found.length} unfinished uploads (${bytes} bytes) left by servers that no longer run: the next start removes them`;
  return [{ severity: 'warning', path: ['uploads', 'dir'], message }];
}

/** The same plugin with the same options has no further effect, except that a logging plugin writes each line twice. */
function twiceFindings({ plugins }: ResolvedConfig): Finding[] {
  return plugins.flatMap(({ plugin: { name, definition }, options }, index) => {
    const path = ['plugins', index];
    const before = [...plugins.entries()].slice(0, index).filter(([, other]) => other.plugin.definition === definition);
    const same = before.find(([, other]) => isDeepStrictEqual(other.options, options));
    if (same) {
      const message = `is the same as plugins[${same[0]}] ("${name}", with the same options): keep one`;
      return [{ severity: 'warning' as const, path, message }];
    }
    const [first] = definition.logsEnds ? before : [];
    if (first === undefined) return [];
    const message = `logs each transfer a second time, like plugins[${first[0]}] ("${name}"): keep one`;
    return [{ severity: 'warning' as const, path, message }];
  });
}

/** Reports what cannot be set up, and checks everything else regardless. */
async function pluginFindings(config: ResolvedConfig, watch: (file: string) => void): Promise<readonly Finding[]> {
  const failures: Finding[] = [];
  try {
    const look = async (generation: Generation) => [...(await generation.pipeline.check()), ...(await bootFindings(generation))];
    const found = await withGeneration(config, look, {
      failed: (index, problem) => failures.push(...failuresOf(index, problem)),
      watch,
    });
    return [...failures, ...found];
  } catch (thrown) {
    return [...failures, error(['plugins'], thrown instanceof Error ? thrown.message : String(thrown))];
  }
}

/** One finding for each mistake in a plugin's data, with its place in a file or in the plugin's options. */
function failuresOf(index: number, problem: PluginError | readonly Issue[]): readonly Finding[] {
  const path = ['plugins', index];
  const cause = problem instanceof PluginError ? problem.cause : undefined;
  if (problem instanceof PluginError && problem.place)
    return [{ ...error(path, problem.problem), file: problem.place.file, line: problem.place.line }];
  if (problem instanceof PluginError && !(cause instanceof ConfigError)) return [error(path, problem.message)];
  const file = cause instanceof ConfigError ? cause.file : undefined;
  const issues = problem instanceof PluginError ? (cause as ConfigError).issues : problem;
  return issues.map((issue) => {
    const hint = issue.hint === undefined ? '' : `; ${issue.hint}`;
    if (issue.place === undefined && file === undefined)
      return error(issue.path.length === 0 ? path : [...path, 'options', ...issue.path], `${issue.message}${hint}`);
    const where = issue.path.length === 0 ? '' : `${formatPath(issue.path)}: `;
    const { line } = issue.place ?? {};
    return { ...error(path, `${where}${issue.message}${hint}`), file: issue.place?.file ?? file!, ...(line && { line }) };
  });
}

/** Findings about the folders and interfaces of a config. */
export async function configFindings({ rootDir, uploads, tftp: { listen } }: ResolvedConfig): Promise<Finding[]> {
  return [
    ...(await folderFindings(['rootDir'], rootDir, constants.R_OK | constants.X_OK)),
    ...(uploads ? await folderFindings(['uploads', 'dir'], uploads.dir, constants.W_OK | constants.X_OK) : []),
    ...listenFindings(listen),
  ];
}

function listenFindings(listen: ResolvedConfig['tftp']['listen']): Finding[] {
  const interfaces = networkInterfaces();
  return listen.flatMap((on, index) => {
    if ('interface' in on) {
      if (interfaces[on.interface]) return [];
      const there = Object.keys(interfaces).join(', ');
      return [
        error(
          ['tftp', 'listen', index, 'interface'],
          `no interface "${on.interface}" has an address; interfaces that have one: ${there}`,
        ),
      ];
    }
    const own = Object.values(interfaces).flatMap((found) => found?.map(({ address }) => address) ?? []);
    if (isBindable(on.address, own)) return [];
    const message = `${on.address} is not an address of this machine; it has: ${own.join(', ')}`;
    return [error(['tftp', 'listen', index, 'address'], message)];
  });
}

/** Whether the kernel would let a socket have this address. */
function isBindable(address: string, own: readonly string[]): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined || /^(0\.0\.0\.0|::|127\..*)$/.test(parsed.text)) return true;
  return own.some((one) => parseAddress(one)?.text === parsed.text) || mayBindAny(parsed.family);
}

/** Machines that take over each other's addresses (VRRP) listen on addresses that they do not have yet. */
function mayBindAny(family: 'ipv4' | 'ipv6'): boolean {
  try {
    return readFileSync(`/proc/sys/net/${family}/ip_nonlocal_bind`, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/** Rights that the config's user lacks for serving. */
function userFindings(account: string | undefined, files: readonly string[]): Finding[] {
  if (account === undefined) return [];
  const reason = whyNoAccount(account);
  if (reason !== undefined) return [error(['user'], reason)];
  return files.flatMap((file) => {
    try {
      accessSync(file, constants.R_OK);
      return [];
    } catch {
      return [
        {
          ...error(
            ['user'],
            `user ${account} has no permission to read this file, so saving it would have no effect: change its owner or mode`,
          ),
          file,
        },
      ];
    }
  });
}

/** Folders that have not answered yet. Each occupies one thread, however often it is checked. */
const silent = new Set<string>();
const ANSWER_MS = 3_000;

/** Called on pool threads and with a time limit, because a hanging disk must not block a server that reviews its config. */
async function folderFindings(path: Finding['path'], folder: string, mode: number): Promise<Finding[]> {
  const late = () => new Error(`${folder} does not answer: its disk hangs`);
  if (silent.has(folder)) return [error(path, late().message)];
  silent.add(folder);
  const looking = lookAtFolder(path, folder, mode).finally(() => silent.delete(folder));
  return await within(systemClock, ANSWER_MS, looking, late).catch((thrown: Error) => [error(path, thrown.message)]);
}

async function lookAtFolder(path: Finding['path'], folder: string, mode: number): Promise<Finding[]> {
  try {
    if (!(await stat(folder)).isDirectory())
      return [error(path, `${folder} is not a folder: name the folder that holds the files`)];
    await access(folder, mode);
    return [];
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    return [error(path, missing ? `there is no folder ${folder}: create it, or name another` : `permission denied: ${folder}`)];
  }
}

function error(path: Finding['path'], message: string): Finding {
  return { severity: 'error', path, message };
}
