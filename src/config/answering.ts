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
  let isLate = false;
  const timeoutError = () => {
    isLate = true;
    return new ConfigError(file, [{ path: [], message: `the disk does not answer: ${at} cannot be read` }], { files });
  };
  const read = async () => {
    // One that hangs holds a thread of the pool. It may end any moment, and what was saved since must not be missed.
    while (reading !== undefined) await reading;
    if (isLate) return;
    const onFile = (next: string) => {
      at = next;
    };
    reading = readAll(new Set([file, ...files]), onFile).finally(forget);
    await reading;
  };
  await within(clock, ANSWER_MS, read(), timeoutError);
}

async function readAll(files: Iterable<string>, onFile: (file: string) => void): Promise<void> {
  for (const file of files) {
    onFile(file);
    await readIfRegular(file).catch(() => {});
  }
}

function forget(): void {
  reading = undefined;
}
