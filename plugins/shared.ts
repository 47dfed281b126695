/**
 * Work that many want done at the same moment, done once for all of them. Knows nothing of what the work is.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Returns a function that resolves with what a run of `work` found that began after the call: never with older news. One run at a
 * time; those who come in the meantime share the next one.
 * @param spacingMs from the beginning of one run to the beginning of the next, at least
 */
export function shared<T>(work: () => Promise<T>, spacingMs = 0): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let begun = Number.NEGATIVE_INFINITY;
  let next: Promise<T> | undefined;

  const run = async (): Promise<T> => {
    await running.catch(() => {});
    const early = begun + spacingMs - performance.now();
    if (early > 0) await sleep(early);
    begun = performance.now();
    next = undefined;
    const result = work();
    running = result;
    return result;
  };
  return () => {
    next ??= run();
    return next;
  };
}
