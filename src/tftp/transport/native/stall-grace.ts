/**
 * After the data thread stalls in the middle of a round, retransmission timers get a grace period: the packets of that round left late, so
 * no reply can be due yet. A stall is never taken for loss.
 */

/** Standing still for less than this leaves half of the shortest time-out, by default, for the answer. */
const LATE_MS = 10;
/** The shortest time-out, by default. */
const LEAST_MS = 20;
/** After the longest standstill, a suspended machine's. */
const MOST_MS = 1000;

export class StallGrace {
  #until = 0;

  /** A round whose time counts from `from` is over at `now`. Peers get as long again, but once: a busy server must look, too. */
  roundEnded(from: number, now: number): void {
    const stood = now - from;
    if (stood > LATE_MS && this.#until === 0) this.#until = now + Math.min(Math.max(stood, LEAST_MS), MOST_MS);
  }

  /** When it ends; 0 if it has. */
  until(now: number): number {
    if (now >= this.#until) this.#until = 0;
    return this.#until;
  }
}
