/**
 * Prevents a source that does not answer from delaying machines. It does not know what the source provides.
 */
import type { Awaitable, Log } from 'pxe';

/** Time limit of a source in ms: much less than that of a hook, because several sources are asked in sequence. */
const PATIENCE_MS = 1_000;
/** While this many answers are overdue, the source is not asked. */
const MAX_OVERDUE = 8;

/**
 * Returns a function that answers as `ask` does, or with `undefined` after a second. This is logged once until an answer arrives.
 */
export function patiently<Args extends readonly unknown[], T>(
  source: string,
  log: Log,
  ask: (...args: Args) => Awaitable<T | undefined>,
): (...args: Args) => Awaitable<T | undefined> {
  let overdue = 0;
  return (...args) => {
    if (overdue >= MAX_OVERDUE) return undefined;
    const answer = ask(...args);
    if (!(answer instanceof Promise)) return answer;
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        if (overdue++ === 0) log.warn({ source, ms: PATIENCE_MS }, 'source does not answer: continuing without it');
        resolve(undefined);
      }, PATIENCE_MS);
      const done = (): void => {
        clearTimeout(timer);
        if (isLate && --overdue === 0) log.info({ source }, 'source answers again');
      };
      answer.then(resolve, reject).finally(done);
    });
  };
}
