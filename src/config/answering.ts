/**
 * Whether the files of a config can be read at all. Node resolves and reads what is imported on the calling thread, and a disk that hangs
 * would stop it: so threads read the files first.
 */
import { type Clock, within } from '../base/clock.ts';
import { ConfigError } from './error.ts';
import { readIfRegular } from './regular-file.ts';

/** Long enough for a disk that must spin up. */
const ANSWER_MS = 5_000;

/** A disk that hangs holds one thread, however many reloads are asked for. */
let reading: Promise<void> | undefined;

/** Throws a `ConfigError` if reading the files does not come to an end; what they hold, and whether they exist, is not its business. */
export async function expectAnswers(file: string, files: readonly string[], clock: Clock): Promise<void> {
  let at = file;
  const late = () => new ConfigError(file, [{ path: [], message: `the disk does not answer: ${at} cannot be read` }], { files });
  if (reading !== undefined) throw late();
  reading = (async () => {
    for (at of new Set([file, ...files])) await readIfRegular(at).catch(() => {});
  })();
  await within(clock, ANSWER_MS, reading.finally(forget), late);
}

function forget(): void {
  reading = undefined;
}
