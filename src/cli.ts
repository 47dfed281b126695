#!/usr/bin/env node
/**
 * The command line. Only here and in `cli/` are process, arguments, exit codes and the terminal known.
 */
import { CommanderError } from 'commander';
import { EXIT, ExitError } from './cli/exit.ts';
import { makeProgram } from './cli/program.ts';
import { PluginError } from './plugin/error.ts';

try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  else if (error instanceof ExitError || error instanceof PluginError) {
    process.stderr.write(`pxe: ${error.message}\n`);
    process.exitCode = error instanceof ExitError ? error.exitCode : EXIT.failed;
  } else {
    // Not thrown on: `serve` catches what nobody catches.
    process.stderr.write(`pxe: ${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = EXIT.failed;
  }
}
