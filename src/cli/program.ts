/**
 * All commands as one program. What its errors mean for the process is `cli.ts`' business.
 */
import { Command } from 'commander';
import { EXIT } from './exit.ts';
import { version } from './version.ts';

/** In the order of the help. Loaded when they are needed: what serving does without would stay in its memory. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  explain: async () => (await import('./explain.ts')).explainCommand(),
  get: async () => (await import('./get.ts')).getCommand(),
  put: async () => (await import('./put.ts')).putCommand(),
  storm: async () => (await import('./storm.ts')).stormCommand(),
  'import-map': async () => (await import('./import-map.ts')).importMapCommand(),
};

/**
 * Rejects with a `CommanderError` where commander would end the process.
 * @param args of the command line; where they name a command, or flags of the default one, the others are left out
 */
export async function makeProgram(args: readonly string[] = []): Promise<Command> {
  const program = new Command('pxe')
    .description('TFTP server for network boot. Its whole behaviour is one typed file, pxe.config.ts.')
    .version(version)
    .addHelpText('after', `\n${EXIT.help}\n\n"pxe COMMAND --help" tells more. Without a command: serve.`);
  for (const name of namedBy(args)) program.addCommand(await commands[name]!(), { isDefault: name === 'serve' });
  for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError('(--help tells more)');
  return program;
}

function namedBy(args: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === undefined) return ['serve'];
  if (Object.hasOwn(commands, first)) return [first];
  const all = !first.startsWith('-') || /^(--help|-h|--version|-V)$/.test(first);
  return all ? Object.keys(commands) : ['serve'];
}
