/**
 * Runs the command line, and turns any error into a message and an exit code.
 */
import { CommanderError } from 'commander';
import { setPoolThreads } from '../content/disks.ts';
import { PluginError } from '../plugin/error.ts';
import { EXIT, ExitError } from './exit.ts';
import { makeProgram } from './program.ts';

export async function main(): Promise<void> {
  // The reader may exit (`| head`), so a failed write is ignored here; code that must know checks each write.
  process.stdout.on('error', () => {});
  setPoolThreads(Number(process.env.UV_THREADPOOL_SIZE) || undefined);
  try {
    const program = await makeProgram(process.argv.slice(2));
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    else if (error instanceof ExitError || error instanceof PluginError) {
      process.stderr.write(`pxe: ${error.message}\n`);
      process.exitCode = error instanceof ExitError ? error.exitCode : EXIT.failed;
    } else {
      // Not rethrown: `serve` handles uncaught errors.
      process.stderr.write(`pxe: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = EXIT.failed;
    }
  }
}
