/**
 * How long deadlines are left alone after the data thread stood still in the middle of a round. What that round sent left long
 * after the time that its deadlines count from, and no answer can be here yet: a stall is never taken for loss.
 */

/** Standing still for less than this leaves half of the shortest time-out, by default, for the answer. */
const LATE_MS = 10;
/** The shortest time-out, by default. */
const LEAST_MS = 20;
/** After the longest standstill, a suspended machine's. */
const MOST_MS = 1000;

export class Patience {
  /** No deadline is to be looked at before; 0 if nothing stands in the way. */
  until = 0;

  /** A round whose time counts from `from` is over at `now`. Peers get as long again, but once: a busy server must look, too. */
  roundEnded(from: number, now: number): void {
    const stood = now - from;
    if (stood > LATE_MS && this.until === 0) this.until = now + Math.min(Math.max(stood, LEAST_MS), MOST_MS);
  }

  /** Whether deadlines are to be looked at now. */
  ends(now: number): boolean {
    if (now < this.until) return false;
    this.until = 0;
    return true;
  }
}
