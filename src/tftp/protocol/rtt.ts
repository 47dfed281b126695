/**
 * When to send again: a retransmission timeout made of measured round trips (RFC 6298), with exponential back-off.
 * All times in milliseconds. Whoever calls `sample` keeps Karn's rule: never for a packet that was sent twice.
 */

/** RFC 6298 §2.1: before anything was measured. */
const INITIAL_TIMEOUT_MS = 1000;

export class RoundTrip {
  /** Smoothed round-trip time; `undefined` before the first sample. */
  smoothed: number | undefined;
  #variation = 0;
  #timeout = INITIAL_TIMEOUT_MS;
  /** Doublings, kept until the next sample: otherwise an RTT longer than the timeout could never be measured. */
  #doublings = 0;
  readonly #floor: number;
  readonly #ceiling: number;

  /** @param ceiling also bounds the back-off; the negotiated `timeout` (RFC 2349) where there is one */
  constructor(floor: number, ceiling: number) {
    this.#floor = Math.min(floor, ceiling);
    this.#ceiling = ceiling;
  }

  /** RFC 6298 §2.2, §2.3. */
  sample(elapsed: number): void {
    if (this.smoothed === undefined) {
      this.smoothed = elapsed;
      this.#variation = elapsed / 2;
    } else {
      this.#variation += (Math.abs(this.smoothed - elapsed) - this.#variation) / 4;
      this.smoothed += (elapsed - this.smoothed) / 8;
    }
    // RFC 6298 §2.3 calls the spare G: where round trips are all alike, the variation dwindles to nothing.
    this.#timeout = this.smoothed + Math.max(this.#floor, 4 * this.#variation);
    this.#doublings = 0;
  }

  /** A timeout has passed without an answer (RFC 6298 §5.5). */
  backOff(): void {
    this.#doublings = Math.min(this.#doublings + 1, 20);
  }

  /** An answer came in time, though it measured nothing: where every window loses something, measurements are rare. */
  relax(): void {
    this.#doublings = Math.max(this.#doublings - 1, 0);
  }

  /** How long to wait before the next retransmission. */
  get timeout(): number {
    // No power where there is nothing to raise: this is asked for with every ACK.
    const backOff = this.#doublings === 0 ? 1 : 2 ** this.#doublings;
    return Math.min(this.#ceiling, Math.max(this.#floor, this.#timeout) * backOff);
  }
}
