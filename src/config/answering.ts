/**
 * Checks that the files of a config can be read at all. Node resolves and reads imports on the calling thread, which a hanging
 * disk would block, so pool threads read the files first.
 */
import { type Clock, within } from '../base/clock.ts';
import { ConfigError } from './error.ts';
import { readIfRegular } from './regular-file.ts';

/** Enough for a disk to spin up. */
const ANSWER_MS = 5_000;

/** A hanging disk occupies one thread, however often the config is reloaded. */
let reading: Promise<void> | undefined;

/** Throws a `ConfigError` if reading the files does not finish in time. Ignores their content and whether they exist. */
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
