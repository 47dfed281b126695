/** Counts the begin and the end of requests, and reloads. */
import type { Outcome, Request } from '../plugin/types.ts';
import type { Stats } from '../stats/stats.ts';

/** How a request ended, independent of its protocol. */
export interface CountedEnd {
  readonly outcome: Outcome;
  readonly bytes: number;
  readonly durationMs: number;
}

export function countBegin(stats: Stats, kind: Request['kind']): void {
  stats.add(`requests.${kind}`);
  stats.shift('live.requests', 1);
}

export function countEnd(stats: Stats, kind: Request['kind'], ending: CountedEnd): void {
  const { outcome, bytes, durationMs } = ending;
  stats.shift('live.requests', -1);
  stats.add(`outcomes.${outcome}`);
  if (kind === 'boot') return;
  stats.add(kind === 'read' ? 'bytes.sent' : 'bytes.received', bytes);
  if (outcome !== 'completed') return;
  stats.observe('transfer-seconds', durationMs / 1000);
  if (kind === 'read') stats.observe('file-bytes', bytes);
}

/** @param at ms since the epoch */
export function countReload(stats: Stats, result: 'succeeded' | 'failed', at: number): void {
  stats.add(`reloads.${result}`);
  stats.set(`last-reload-seconds.${result}`, at / 1000);
}
