/**
 * Looks out for an answer that is about to come, rather than sleep: a core that sleeps wakes up later than a peer on a fast link
 * answers, and with few transfers all else waits for that. It goes on only as long as answers do come so soon: not from a slow link,
 * and not from a program that waits for this very core.
 */

/** It is looked out for so long. */
const POLL_MS = 0.1;
/** With more transfers there is something to do meanwhile, for other threads as well. */
const MOST_TRANSFERS = 4;
/** So many answers in time make up for one that was not. */
const WORTH = 8;
const MOST_CREDIT = 32;
/** When it has not paid, it is tried again after so many waits. */
const TRY_AGAIN = 1024;

export class BusyPoll {
  readonly #now: () => number;
  #credit = 0;
  /** Since it did not pay any more. */
  #waits = 0;

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * To be called before a wait. Returns how much has come, 0 if a wait is due.
   * @param transfers those under way
   * @param look takes what is there, without waiting; returns how much it was
   */
  poll(transfers: number, look: () => number): number {
    if (transfers === 0 || transfers > MOST_TRANSFERS) return 0;
    if (this.#credit < 0 && ++this.#waits < TRY_AGAIN) return 0;
    this.#waits = 0;
    for (const until = this.#now() + POLL_MS; this.#now() < until; ) {
      const came = look();
      if (came === 0) continue;
      this.#credit = Math.min(Math.max(this.#credit, 0) + 1, MOST_CREDIT);
      return came;
    }
    this.#credit -= WORTH;
    return 0;
  }
}
