/**
 * Runs other people's programs, a few at a time and never longer than they may.
 */
import { execFile } from 'node:child_process';

/** How a program ended, and what it said. */
export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly exit: number | string;
  /** Its standard output and error, bytes that are no UTF-8 replaced. */
  readonly output: string;
  readonly durationMs: number;
}

/** Runs a command to its end; kills it after `limitMs`, which shows as exit `SIGKILL`. */
export function run([program, ...args]: readonly string[], limitMs: number): Promise<Ended> {
  const began = performance.now();
  return new Promise((resolve) => {
    const child = execFile(
      program!,
      args,
      { timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 ** 2 },
      (error, stdout, stderr) => {
        const exit = error === null ? 0 : (error.signal ?? error.code ?? error.message);
        resolve({ exit, output: `${stdout}${stderr}`, durationMs: performance.now() - began });
      },
    );
    child.stdin?.end();
  });
}

/** Does `work` for each item, at most `limit` at a time; the results are in the order of the items. */
export async function each<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
