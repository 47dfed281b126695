#!/usr/bin/env node
/**
 * The command line. Only here and in `cli/` are process, arguments, exit codes and the terminal known.
 */
import { Command, CommanderError } from 'commander';
import { checkCommand } from './cli/check.ts';
import { EXIT, ExitError } from './cli/exit.ts';
import { explainCommand } from './cli/explain.ts';
import { getCommand } from './cli/get.ts';
import { putCommand } from './cli/put.ts';
import { serveCommand } from './cli/serve.ts';
import { version } from './cli/version.ts';

const program = new Command('pxe')
  .description('TFTP server for network boot. Its whole behaviour is one typed file, pxe.config.ts.')
  .version(version)
  .addCommand(serveCommand(), { isDefault: true })
  .addCommand(checkCommand())
  .addCommand(explainCommand())
  .addCommand(getCommand())
  .addCommand(putCommand())
  .addHelpText('after', `\n${EXIT.help}\n\n"pxe COMMAND --help" tells more. Without a command: serve.`);

for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError('(--help tells more)');

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof ExitError) {
    process.stderr.write(`pxe: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
}
