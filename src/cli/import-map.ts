/**
 * `pxe import-map`: converts a map file of tftp-hpa to a config.
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { Command } from 'commander';
import { parseMapFile } from 'pxe/plugins';
import { EXIT, ExitError } from './exit.ts';
import { mapSource } from './map-source.ts';
import { visible, visibleLines } from './terminal.ts';

export function importMapCommand(): Command {
  return new Command('import-map')
    .description('convert a map file of tftp-hpa (in.tftpd -m) into a config, and print it')
    .argument('<file>', 'the map file')
    .option('--directory <folder>', 'folder that the rules prepend to names, for an in.tftpd without --secure')
    .addHelpText(
      'after',
      `
If some rules have no counterpart in rewrite, the printed config uses the map file with tftpdMap, and says which rules and why.

Example:
  pxe import-map /etc/tftpd.map > pxe.config.ts

Exit codes: 0 all rules are converted; 1 some are not, and the config uses the map; 2 invalid arguments, or mistakes in the map.`,
    )
    .action(importMap);
}

async function importMap(file: string, { directory }: { readonly directory?: string }): Promise<void> {
  if (directory !== undefined && !directory.startsWith('/'))
    throw new ExitError(EXIT.usage, `--directory: expected an absolute path, found ${visible(directory)}`);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ExitError(EXIT.usage, `${visible(file)} cannot be read: ${error.code}`);
  });
  const map = parseMapFile(text);
  if (map.mistakes.length > 0) {
    const lines = map.mistakes.map(({ line, message }) => `\n  ${visible(`${file}:${line}: ${message}`)}`);
    throw new ExitError(EXIT.usage, `the map cannot be used:${lines.join('')}`);
  }
  const path = isAbsolute(file) || file.startsWith('.') ? file : `./${file}`;
  const { source, rules, staying, guessed } = mapSource(map, { text, path, directory });
  process.stdout.write(visibleLines(source));
  if (guessed !== undefined)
    process.stderr.write(`pxe: every result begins with ${visible(guessed)}: if rootDir is that folder, add --directory\n`);
  if (staying.length === 0) return;
  process.exitCode = EXIT.failed;
  process.stderr.write(
    `pxe: ${staying.length} of ${rules} rules cannot be converted, so the config uses the map with tftpdMap: lines ${staying.map(({ line }) => line).join(', ')}\n`,
  );
}
