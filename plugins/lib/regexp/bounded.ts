/**
 * Matches each regular expression of a config by an engine that a hostile name cannot keep busy.
 *
 * - If its work is small for every name, V8's backtracking engine matches it, which is the fastest. Nearly all are of this kind.
 * - If it may backtrack without bound, V8's linear engine (the flag `l`) matches it, with the same matches and captures. That
 *   engine must be enabled by the program, and does not support lookaround, back-references, large counts and the flags `i`, `u`
 *   and `v`. It is not used with `g` either, because it may find an empty match twice (Node 26).
 * - All others have a time limit: see `guard.ts`.
 */
import { maxSteps } from './steps.ts';

/** Longest name for which the work is bounded; longer names need the time limit. */
export const JUDGED_LENGTH = 512;

/** About 20 ms. */
const MAX_STEPS = 3_000_000;

export interface BoundedRegExp {
  readonly regExp: RegExp;
  /** `steps`: its work is small; `linear`: V8's linear engine matches it; `time`: it needs a time limit. */
  readonly bound: 'steps' | 'linear' | 'time';
}

/** @param times maximum runs for one name */
export function boundRegExp(regExp: RegExp, times = 1): BoundedRegExp {
  if (maxSteps(regExp, JUDGED_LENGTH) * times <= MAX_STEPS) return { regExp, bound: 'steps' };
  const linear = linearOf(regExp);
  if (linear !== undefined) return { regExp: linear, bound: 'linear' };
  compile(regExp);
  return { regExp, bound: 'time' };
}

/** V8 compiles an expression at its first run and again at its second. Compiling a long one may exceed a request's time limit. */
function compile(regExp: RegExp): void {
  for (let run = 0; run < 2; run++) ''.search(regExp);
}

/** `undefined` if V8's linear engine does not support the expression or is not enabled. */
function linearOf({ source, flags, global }: RegExp): RegExp | undefined {
  if (global) return undefined;
  try {
    return new RegExp(source, flags.includes('l') ? flags : `${flags}l`);
  } catch {
    return undefined;
  }
}
