/**
 * How far a transfer has come, and how it ended.
 */
import type { WireError } from './error.ts';
import type { Agreement } from './options.ts';

/** `probed`: the client wanted the size only. See `Outcome` of the plugin interface. */
export type Outcome = 'completed' | 'probed' | 'aborted' | 'refused' | 'failed';

/** How a transfer ended, as the protocol knows it. */
export interface Ending {
  readonly outcome: Outcome;
  /** Content bytes acknowledged, or received. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly agreement: Agreement | undefined;
  readonly rttMs: number | undefined;
  readonly retransmissions: number;
  readonly lastAckMissing: boolean;
  readonly error: WireError | undefined;
}

/** How far a transfer has come. */
export interface Progress {
  readonly id: number;
  readonly bytes: number;
  readonly size: number | undefined;
  readonly retransmissions: number;
  readonly rttMs: number | undefined;
}
