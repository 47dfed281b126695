/**
 * What a config names and what will not work: folders, interfaces, files under the root, plugins that cannot be set up, and what
 * the plugins themselves find. It looks; it changes nothing. Its time is bounded.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { ResolvedConfig } from '../config/resolve.ts';
import { systemClock } from '../content/clock.ts';
import { PluginError } from '../plugin/error.ts';
import type { Finding } from '../plugin/types.ts';
import { startGeneration } from '../server/create.ts';
import { rootFindings } from './root-findings.ts';

/** Everything that is wrong with what a config names. Sets the plugins up, as serving would, and disposes of them. */
export async function findProblems(config: ResolvedConfig): Promise<readonly Finding[]> {
  return [
    ...findingsOf(config),
    ...(await rootFindings(config.rootDir, { clock: systemClock })),
    ...(await pluginFindings(config)),
  ];
}

async function pluginFindings(config: ResolvedConfig): Promise<readonly Finding[]> {
  try {
    const generation = await startGeneration(config);
    try {
      return await generation.pipeline.check();
    } finally {
      generation.retire();
      await generation.disposed;
    }
  } catch (thrown) {
    return [error(pathOf(thrown, config), (thrown as Error).message)];
  }
}

/** Which plugin it was, where only one has that name. */
function pathOf(thrown: unknown, { plugins }: ResolvedConfig): Finding['path'] {
  const named = [...plugins.keys()].filter(
    (index) => thrown instanceof PluginError && plugins[index]?.plugin.name === thrown.plugin,
  );
  return named.length === 1 ? ['plugins', named[0]!] : ['plugins'];
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
