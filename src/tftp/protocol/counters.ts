/**
 * What the Engine counts.
 */
import type { PeerKey } from '../../base/peer.ts';

/** Why a datagram came to nothing. */
export type DropReason =
  | 'malformed'
  | 'not-listening'
  | 'unknown-transfer'
  | 'too-many-transfers'
  | 'too-many-transfers-of-address';

/** Counts what needs no decision. Called for each datagram of a flood, within the engine's calls: it must be cheap. */
export interface Counters {
  add(name: 'requests.repeated' | 'budget.held' | 'budget.refused'): void;
  observe(name: 'answer-seconds', seconds: number): void;
  drop(reason: DropReason, peer: PeerKey): void;
}
