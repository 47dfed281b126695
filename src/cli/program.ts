/**
 * All commands as one program; `main.ts` handles its errors.
 */
import { statSync } from 'node:fs';
import { Command } from 'commander';
import { nearest } from '../base/nearest.ts';
import { EXIT, ExitError } from './exit.ts';
import { version } from './version.ts';

/** In the order of the help. Loaded on demand, so that `serve` does not keep other commands in memory. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  doctor: async () => (await import('./doctor.ts')).doctorCommand(),
  get: async () => (await import('./get.ts')).getCommand(),
  put: async () => (await import('./put.ts')).putCommand(),
  storm: async () => (await import('./storm.ts')).stormCommand(),
  'import-map': async () => (await import('./import-map.ts')).importMapCommand(),
};

/**
 * Rejects with a `CommanderError` where commander would end the process, and with an `ExitError` for a first word that is neither a command
 * nor a folder to serve.
 * @param args of the command line; if they name a command, or flags of the default one, other commands are not loaded
 */
export async function makeProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('pxe')
    .description('TFTP server for network boot, configured by one typed file, pxe.config.ts.')
    .version(version)
    .addHelpText(
      'after',
      `
"pxe COMMAND --help" explains a command. Without a command, pxe serves; given a folder instead, it serves that folder.

${EXIT.help}`,
    );
  for (const name of namedBy(args)) program.addCommand(await commands[name]!(), { isDefault: name === 'serve' });
  for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError('(see --help)');
  return program;
}

function namedBy(args: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === undefined) return ['serve'];
  if (Object.hasOwn(commands, first)) return [first];
  if (first === 'help' || /^(--help|-h|--version|-V)$/.test(first)) return Object.keys(commands);
  if (!first.startsWith('-')) refuseUnlessFolder(first);
  return ['serve'];
}

function refuseUnlessFolder(word: string): void {
  const stats = statSync(word, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return;
  const what = stats ? `"${word}" is neither a command nor a folder` : `there is no command or folder "${word}"`;
  throw new ExitError(EXIT.usage, `${what}${stats ? configHint(word) : commandHint(word)}\n  "pxe --help" lists the commands`);
}

function configHint(file: string): string {
  return /\.(m?[tj]s|json|ya?ml)$/.test(file) ? `; to serve with this config: pxe serve --config ${file}` : '';
}

function commandHint(word: string): string {
  const command = nearest(word, Object.keys(commands));
  return command === undefined ? '' : `; did you mean "pxe ${command}"?`;
}
