/** What the deadlines of a storm are kept for: machines, and datagrams that are delayed. */
import type { Timed } from '../../base/deadlines.ts';

/** Something of a storm that waits for a time. */
export interface Wakeable extends Timed {
  /** The deadline has passed. */
  wake(now: number): void;
}
