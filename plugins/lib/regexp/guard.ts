/**
 * Runs code with a time limit, on this thread: what takes longer is broken off. Made for regular expressions, in which a `for (;;)`
 * hides so easily. It costs about 0.1 ms, a thread that watches the clock.
 */
import { constants, createContext, Script } from 'node:vm';
import type { Awaitable } from 'pxe';

/** Thrown in place of what was broken off. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`took more than ${limitMs} ms and was stopped`);
    this.limitMs = limitMs;
  }
}

/** Adds to a `GaveUp` what it was that took so long. */
export function naming<Result>(run: () => Awaitable<Result>, what: () => string): Awaitable<Result> {
  const named = (error: unknown): never => {
    throw error instanceof GaveUp ? new Error(`${what()} ${error.message}`, { cause: error }) : error;
  };
  try {
    const result = run();
    return result instanceof Promise ? result.catch(named) : result;
  } catch (error) {
    return named(error);
  }
}

/** For this long after work was given up, the limit is shorter: a client that asks again and again must not hold the server all the time. */
const WARY_MS = 10_000;
const WARY_SHARE = 1 / 4;

export interface GuardOptions {
  /** Time of the first attempt. */
  readonly limitMs: number;
  /**
   * Work that was broken off is tried again, each time for twice as long: perhaps the machine had no time for this process. Such work must
   * have no effects. Default false.
   */
  readonly repeatable?: boolean;
}

const ATTEMPTS = 3;

/** All attempts of repeatable work together. */
export function totalMs(limitMs: number): number {
  return limitMs * (2 ** ATTEMPTS - 1);
}

export class TimeGuard {
  readonly #options: GuardOptions;
  #waryUntil = Number.NEGATIVE_INFINITY;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /**
   * Returns what `work` returns and throws what it throws; throws `GaveUp` if it is still at work after the limit. It is then
   * broken off anywhere, and not even a `finally` in it runs.
   */
  run<Result>(work: () => Result): Result {
    const { limitMs: full, repeatable = false } = this.#options;
    const first = performance.now() < this.#waryUntil ? Math.ceil(full * WARY_SHARE) : full;
    const last = repeatable ? first * 2 ** (ATTEMPTS - 1) : first;
    for (let limitMs = first; ; limitMs *= 2) {
      try {
        return runWithin(limitMs, work);
      } catch (error) {
        if ((error as { code?: unknown } | null)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
        if (limitMs < last) continue;
        this.#waryUntil = performance.now() + WARY_MS;
        throw new GaveUp(limitMs);
      }
    }
  }
}

let context: { work?: (() => unknown) | undefined } | undefined;
let script: Script | undefined;

function runWithin<Result>(limitMs: number, work: () => Result): Result {
  context ??= createContext(constants.DONT_CONTEXTIFY);
  script ??= new Script('work()');
  const outer = context.work;
  context.work = work;
  try {
    return script.runInContext(context, { timeout: limitMs });
  } finally {
    context.work = outer;
  }
}
