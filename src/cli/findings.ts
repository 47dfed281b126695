/**
 * What a config names and what will not work: folders, interfaces, plugins that cannot be set up. It looks; it changes nothing.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { ResolvedConfig } from '../config/resolve.ts';
import { startGeneration } from '../server/create.ts';

/** Something that will not work. */
export interface Finding {
  /** Key path in the config. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with what a config names. Sets the plugins up, as serving would, and disposes of them. */
export async function findProblems(config: ResolvedConfig): Promise<readonly Finding[]> {
  return [...findingsOf(config), ...(await setUpFindings(config))];
}

async function setUpFindings(config: ResolvedConfig): Promise<Finding[]> {
  try {
    const generation = await startGeneration(config);
    generation.retire();
    await generation.disposed;
    return [];
  } catch (error) {
    return [{ path: 'plugins', message: (error as Error).message }];
  }
}

function findingsOf({ rootDir, uploads, listen }: ResolvedConfig): Finding[] {
  return [
    ...folderFindings('rootDir', rootDir, constants.R_OK | constants.X_OK),
    ...(uploads ? folderFindings('uploads.dir', uploads.dir, constants.W_OK | constants.X_OK) : []),
    ...listen.flatMap((on, index) => {
      if (!('interface' in on) || networkInterfaces()[on.interface]) return [];
      return [{ path: `listen[${index}].interface`, message: `no interface "${on.interface}" has an address now` }];
    }),
  ];
}

function folderFindings(path: string, folder: string, mode: number): Finding[] {
  try {
    if (!statSync(folder).isDirectory()) return [{ path, message: `${folder} is no folder` }];
    accessSync(folder, mode);
    return [];
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return [{ path, message: missing ? `there is no folder ${folder}` : `no right to use ${folder}` }];
  }
}
