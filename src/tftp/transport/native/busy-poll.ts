/**
 * Polls for an answer that is about to come, instead of sleeping: a core that sleeps wakes up later than the other side answers. It goes on
 * only as long as answers come in time: not from a slow link, and not from a thread or a program that waits for this very core.
 */

export interface BusyPollOptions {
  /** Milliseconds. */
  readonly now: () => number;
  /** Poll duration. */
  readonly pollMs: number;
  /** With more transfers that wait there is something to do meanwhile, for other threads as well. */
  readonly maxTransfers: number;
}

/** Answers in time that offset one that was not. */
const HITS_PER_MISS = 8;
const MAX_CREDIT = 32;
/** Waits skipped after polling stopped paying off. */
const SKIPPED_WAITS = 1024;

export class BusyPoll {
  readonly #options: BusyPollOptions;
  #credit = 0;
  /** Waits since polling stopped paying off. */
  #waits = 0;

  constructor(options: BusyPollOptions) {
    this.#options = options;
  }

  /**
   * To be called before a wait. Returns how much has come, 0 if a wait is due.
   * @param transfers those that wait for an answer
   * @param look takes what is there, without waiting; returns how much it was
   */
  poll(transfers: number, look: () => number): number {
    const { now, pollMs, maxTransfers } = this.#options;
    if (transfers === 0 || transfers > maxTransfers) return 0;
    if (this.#credit < 0 && ++this.#waits < SKIPPED_WAITS) return 0;
    this.#waits = 0;
    for (const until = now() + pollMs; now() < until; ) {
      const came = look();
      if (came === 0) continue;
      this.#credit = Math.min(Math.max(this.#credit, 0) + 1, MAX_CREDIT);
      return came;
    }
    this.#credit -= HITS_PER_MISS;
    return 0;
  }
}
