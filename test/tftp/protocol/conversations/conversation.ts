/**
 * A conversation between a client and the Engine, played from a script: the files that there are, and what each one ends with.
 */
import { Bench, type BenchOptions, pattern } from '../../../kit/bench.ts';

export const FILES = {
  f: pattern(3000),
  g: pattern(1300, 2),
  empty: pattern(0),
  even: pattern(1024, 3),
  tiny: pattern(5, 4),
  long: pattern(2 * 65464),
};

/** Longer than any pause in these scripts, so that the timer keeps out of them. */
export const PATIENT = { transfer: { minTimeoutMs: 3000 } };

export type Conversation = [name: string, script: string[], options?: BenchOptions];

/** Plays the script against an Engine with {@link FILES}, and checks that nothing is left when it is over. */
export function converse(script: readonly string[], options?: BenchOptions): Bench {
  const bench = new Bench({ files: FILES, ...options });
  bench.converse(script);
  bench.expectNothingLeft();
  return bench;
}
