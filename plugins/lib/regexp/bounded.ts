/**
 * Regular expressions of a config, each matched by an engine that a hostile name cannot keep busy.
 *
 * - One whose work is small whatever the name is left to V8's backtracking engine, the fastest: nearly all are of that kind.
 * - One that may backtrack without bound gets V8's linear engine (the flag `l`), which gives the same matches and captures. It is there
 *   where the program has switched it on, and for expressions without lookaround, back-references, large counts and the flags `i`, `u` and
 *   `v`; also not with `g`, for which it may find an empty match twice (Node 26).
 * - For the rest there is a time limit: see `guard.ts`.
 */
import { maxSteps } from './steps.ts';

/** Longest name for which expressions are judged; what is matched with longer ones needs the time limit. */
export const JUDGED_LENGTH = 512;

/** About 20 ms. */
const MAX_STEPS = 3_000_000;

export interface BoundedRegExp {
  readonly regExp: RegExp;
  /** `steps`: its work is small; `linear`: V8's linear engine runs it; `time`: it must be run with a time limit. */
  readonly bound: 'steps' | 'linear' | 'time';
}

/** @param times how often it is run for one name */
export function boundRegExp(regExp: RegExp, times = 1): BoundedRegExp {
  if (maxSteps(regExp, JUDGED_LENGTH) * times <= MAX_STEPS) return { regExp, bound: 'steps' };
  const linear = linearOf(regExp);
  if (linear !== undefined) return { regExp: linear, bound: 'linear' };
  compile(regExp);
  return { regExp, bound: 'time' };
}

/** V8 compiles an expression when it runs for the first time, and once more at the second: a long one takes longer than a request has. */
function compile(regExp: RegExp): void {
  for (let run = 0; run < 2; run++) ''.search(regExp);
}

/** `undefined` where V8 has no linear engine for it, or none at all. */
function linearOf({ source, flags, global }: RegExp): RegExp | undefined {
  if (global) return undefined;
  try {
    return new RegExp(source, flags.includes('l') ? flags : `${flags}l`);
  } catch {
    return undefined;
  }
}
