/**
 * The Engine as its transfers see it.
 */
import type { Deadlines, Timed } from '../../base/deadlines.ts';
import type { Ending } from './ending.ts';
import type { Outbox } from './outbox.ts';

/** What a transfer asks of the engine it belongs to. */
export interface TransferHost<Transfer extends Timed> {
  readonly outbox: Outbox;
  readonly deadlines: Deadlines<Transfer>;
  /** Uniform in [0, 1). */
  random(): number;
  /** The content's segment `index` is wanted. */
  need(transfer: Transfer, index: number): void;
  /** Bytes that were supplied are no longer buffered. */
  release(bytes: Uint8Array): void;
  /** Received bytes; `last` exactly once. */
  store(transfer: Transfer, bytes: Uint8Array, last: boolean): void;
  /** Pays for a reply to an unproven peer; `false`: not covered, do not send. */
  spend(transfer: Transfer, bytes: number, now: number): boolean;
  /** The peer has answered, so it exists. */
  proven(transfer: Transfer, now: number): void;
  /** The peer goes on with this transfer, so it has abandoned what it asked for before from the same port. */
  supersede(transfer: Transfer, now: number): void;
  /** The transfer has ended. */
  over(transfer: Transfer, ending: Ending, now: number): void;
  /** Late packets of it are not expected any more. */
  forget(transfer: Transfer): void;
}
