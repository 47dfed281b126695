/**
 * The life of a server's transfer.
 */
import type { Phases } from './phases.ts';

export type Phase = keyof typeof PHASES;

/** The life of a transfer. */
export const PHASES = {
  /** The control plane has not answered yet. */
  asked: ['over-budget', 'over'],
  /** Answered, but the budget of unproven peers does not cover the reply. */
  'over-budget': ['open', 'over'],
  /** Bytes flow. */
  open: ['over'],
  /** Reported as ended; it lingers for a while so that late packets find where they belong. */
  over: [],
} as const satisfies Phases<'asked' | 'over-budget' | 'open' | 'over'>;
