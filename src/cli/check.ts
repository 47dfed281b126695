/**
 * `pxe check`: would `pxe serve` work? Loads the config, sets the plugins up as serving would, and looks at what it names.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { relative } from 'node:path';
import { Command } from 'commander';
import type { ResolvedConfig } from '../config/resolve.ts';
import { startGeneration } from '../server/create.ts';
import { EXIT, ExitError } from './exit.ts';
import {
  configOption,
  interfaceOption,
  jsonOption,
  loadSettings,
  type Overrides,
  portOption,
  rootDirOption,
} from './settings.ts';
import { visible } from './terminal.ts';

/** Something that will not work. */
interface Finding {
  /** Key path in the config. */
  readonly path: string;
  readonly message: string;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check the config as serving would, and tell every problem')
    .addOption(configOption())
    .addOption(interfaceOption())
    .addOption(portOption())
    .addOption(rootDirOption())
    .addOption(jsonOption('print the result as JSON'))
    .addHelpText(
      'after',
      `\nExit codes: 0 no problem; 1 problems with what the config names; 2 the config itself cannot be used.`,
    )
    .action(check);
}

async function check(flags: Overrides & { readonly json?: boolean }): Promise<void> {
  const { file, config } = await loadSettings(flags).catch((error: unknown) => {
    if (flags.json && error instanceof ExitError) print({ ok: false, error: error.message });
    throw error;
  });
  const findings = [...findingsOf(config), ...(await setUpFindings(config))];
  if (flags.json) print({ ok: findings.length === 0, file, findings });
  else if (findings.length === 0) {
    const plugins = config.plugins.map(({ plugin }) => plugin.name).join(', ') || 'none';
    process.stdout.write(`${file ? relative('.', file) : 'config'} is fine. Root: ${config.rootDir}. Plugins: ${plugins}.\n`);
  }
  if (findings.length === 0) return;
  const lines = findings.map(({ path, message }) => `  ${path}: ${visible(message)}`);
  throw new ExitError(
    EXIT.failed,
    `${file ?? 'config'}: ${findings.length} problem${findings.length === 1 ? '' : 's'}\n${lines.join('\n')}`,
  );
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
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
