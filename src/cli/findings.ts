/**
 * What a config names and what will not work: folders, interfaces, files under the root, plugins that cannot be set up, and what
 * the plugins themselves find. It looks; it changes nothing. Its time is bounded.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { ConfigError } from '../config/error.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import { systemClock } from '../content/clock.ts';
import { PluginError } from '../plugin/error.ts';
import { formatPath } from '../plugin/issue.ts';
import type { Finding } from '../plugin/types.ts';
import { withGeneration } from '../server/create.ts';
import { whyNoAccount } from './privileges.ts';
import { rootFindings } from './root-findings.ts';

/**
 * Everything that is wrong with what a config names. Sets the plugins up, as serving would, and disposes of them.
 * @param files that the config is made of
 */
export async function findProblems(config: ResolvedConfig, files: readonly string[]): Promise<readonly Finding[]> {
  const { rootDir, followLinks, caseInsensitive, user } = config;
  return [
    ...findingsOf(config),
    ...userFindings(user, files),
    ...(await rootFindings(rootDir, { clock: systemClock, followLinks, caseInsensitive, user })),
    ...(await pluginFindings(config)),
  ];
}

async function pluginFindings(config: ResolvedConfig): Promise<readonly Finding[]> {
  try {
    return await withGeneration(config, ({ pipeline }) => pipeline.check());
  } catch (thrown) {
    return failures(thrown, config);
  }
}

/** One for each mistake of a data file, where it was that; which plugin it was, where only one has that name. */
function failures(thrown: unknown, { plugins }: ResolvedConfig): readonly Finding[] {
  const { message, cause } = thrown as Error;
  const named = [...plugins.keys()].filter(
    (index) => thrown instanceof PluginError && plugins[index]?.plugin.name === thrown.plugin,
  );
  const path = named.length === 1 ? ['plugins', named[0]!] : ['plugins'];
  if (thrown instanceof PluginError && thrown.place)
    return [{ ...error(path, thrown.problem), file: thrown.place.file, line: thrown.place.line }];
  if (!(cause instanceof ConfigError)) return [error(path, message)];
  return cause.issues.map((issue) => {
    const where = issue.path.length === 0 ? '' : `${formatPath(issue.path)}: `;
    const hint = issue.hint === undefined ? '' : `; ${issue.hint}`;
    const { file = cause.file, line } = issue.place ?? {};
    return { ...error(path, `${where}${issue.message}${hint}`), ...(file && { file }), ...(line && { line }) };
  });
}

function findingsOf({ rootDir, uploads, listen }: ResolvedConfig): Finding[] {
  return [
    ...folderFindings(['rootDir'], rootDir, constants.R_OK | constants.X_OK),
    ...(uploads ? folderFindings(['uploads', 'dir'], uploads.dir, constants.W_OK | constants.X_OK) : []),
    ...listen.flatMap((on, index) => {
      if (!('interface' in on) || networkInterfaces()[on.interface]) return [];
      const there = Object.keys(networkInterfaces()).join(', ');
      return [error(['listen', index, 'interface'], `no interface "${on.interface}" has an address now; there are: ${there}`)];
    }),
  ];
}

/** What the user of the config cannot do that serving needs. */
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
            `user ${account} may not read this file, so that a save would take no effect: change its owner or mode`,
          ),
          file,
        },
      ];
    }
  });
}

function folderFindings(path: Finding['path'], folder: string, mode: number): Finding[] {
  try {
    if (!statSync(folder).isDirectory()) return [error(path, `${folder} is no folder: name the folder that holds the files`)];
    accessSync(folder, mode);
    return [];
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    return [error(path, missing ? `there is no folder ${folder}: make it, or name another` : `no right to use ${folder}`)];
  }
}

function error(path: Finding['path'], message: string): Finding {
  return { severity: 'error', path, message };
}
