/**
 * Transfers that have ended and are still known, so that late packets of theirs are not taken for a stranger's.
 */
import type { Transfer } from './transfer.ts';

const LINGER_MS = 10_000;
/** For longer if the client repeats itself slowly (its `timeout`), but for no longer than this. */
const MAX_LINGER_MS = 30_000;
const MAX_LINGERING = 4096;

export class Lingering {
  /** Oldest first. */
  readonly #transfers = new Set<Transfer>();

  /** Returns the transfer to forget in its place, if there are too many. */
  add(transfer: Transfer, now: number): Transfer | undefined {
    this.#transfers.add(transfer);
    const clientTimeoutMs = transfer.agreement?.timeoutMs ?? 0;
    transfer.linger(now + Math.max(LINGER_MS, Math.min(2 * clientTimeoutMs, MAX_LINGER_MS)));
    return this.#transfers.size > MAX_LINGERING ? this.#transfers.values().next().value : undefined;
  }

  remove(transfer: Transfer): void {
    this.#transfers.delete(transfer);
  }
}
