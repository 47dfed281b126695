/**
 * All commands as one program. What its errors mean for the process is `cli.ts`' business.
 */
import { Command } from 'commander';
import { checkCommand } from './check.ts';
import { EXIT } from './exit.ts';
import { explainCommand } from './explain.ts';
import { getCommand } from './get.ts';
import { importMapCommand } from './import-map.ts';
import { putCommand } from './put.ts';
import { serveCommand } from './serve.ts';
import { stormCommand } from './storm.ts';
import { version } from './version.ts';

/** Throws a `CommanderError` where commander would end the process. */
export function makeProgram(): Command {
  const program = new Command('pxe')
    .description('TFTP server for network boot. Its whole behaviour is one typed file, pxe.config.ts.')
    .version(version)
    .addCommand(serveCommand(), { isDefault: true })
    .addCommand(checkCommand())
    .addCommand(explainCommand())
    .addCommand(getCommand())
    .addCommand(putCommand())
    .addCommand(stormCommand())
    .addCommand(importMapCommand())
    .addHelpText('after', `\n${EXIT.help}\n\n"pxe COMMAND --help" tells more. Without a command: serve.`);
  for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError('(--help tells more)');
  return program;
}
