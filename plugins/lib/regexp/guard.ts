/**
 * Runs code on this thread with a time limit and interrupts it when the time is up. Made for regular expressions, which may run
 * practically forever. A call costs about 0.1 ms for a thread that watches the clock.
 */
import { constants, createContext, Script } from 'node:vm';
import type { Awaitable } from 'pxe';

/** Thrown if code was interrupted. */
export class GaveUp extends Error {
  override readonly name = 'GaveUp';
  readonly limitMs: number;

  constructor(limitMs: number) {
    super(`took more than ${limitMs} ms and was stopped`);
    this.limitMs = limitMs;
  }
}

/** Adds to a `GaveUp` what took too long. */
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

/**
 * After an interruption the limit is shorter for this long, so that a client that repeats its request cannot keep the server
 * busy.
 */
const WARY_MS = 10_000;
const WARY_SHARE = 1 / 4;

export interface GuardOptions {
  /** Time of the first attempt. */
  readonly limitMs: number;
  /**
   * Retry interrupted work, each time with twice the time, in case the machine was busy with other processes. Such work must not
   * have side effects. Default false.
   */
  readonly repeatable?: boolean;
}

const ATTEMPTS = 3;

/** Total time of all attempts of repeatable work. */
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
   * Returns what `work` returns and throws what it throws; throws `GaveUp` if it exceeds the limit. It is then interrupted
   * anywhere, and not even its `finally` blocks run.
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
