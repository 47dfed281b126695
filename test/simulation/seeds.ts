/**
 * Which seeds a run goes through: in CI the first thousand, split between two files so that both cores work.
 * `SEED=n` runs that one alone; `SEEDS=n` runs the first n.
 */
import { FAILURES, ODD_BOOTS } from './plan.ts';

const total = Number(process.env.SEEDS ?? 1000);

/** @param half 0 or 1 */
export function seedsOf(half: number): number[] {
  if (process.env.SEED !== undefined) return half === 0 ? [Number(process.env.SEED)] : [];
  return Array.from({ length: total }, (_, i) => i + 1).filter((seed) => seed % 2 === half);
}

/** What must have happened at least once in so many seeds, or the simulation proves less than it seems to. */
export const MUST_HAPPEN: readonly string[] = [
  ...['completed', 'probed', 'aborted', 'refused', 'failed'].map((outcome) => `outcome: ${outcome}`),
  ...['done', 'stopping', ...FAILURES].map((result) => `reload: ${result}`),
  ...['too-many-transfers', 'too-many-transfers-of-address', 'malformed', 'unknown-transfer'].map((why) => `dropped: ${why}`),
  ...['cut', 'drain', 'with transfers', 'idle'].map((how) => `stop: ${how}`),
  ...['EIO', 'ENOSPC', 'EMFILE'].map((trouble) => `disk: ${trouble}`),
  ...ODD_BOOTS.map((kind) => `plugin boot: ${kind}`),
  'dhcp: answered',
  'dhcp: a repeated request joins',
  'file changed during transfer',
  'file is being written',
  'drained',
  'recovered',
  'explained',
  'stalls',
  'wall clock jumps',
  'ports used again',
  'plugin state changes',
  'single port',
  'uploads kept by a plugin',
  'upload: completed',
];
