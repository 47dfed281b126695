/**
 * A client's request until the server answers it.
 */
import type { Flow } from '../protocol/flow.ts';

/** A flow that has no bytes yet: what is sent again is the request. */
export class Asking implements Flow {
  readonly bytes = 0;
  readonly size = undefined;
  readonly resumeAt = Number.POSITIVE_INFINITY;
  readonly waitingForUs = false;
  readonly peerMayBeDone = false;
  readonly onlyLastAckMissing = false;
  attempts = 0;
  readonly #ask: () => void;

  constructor(ask: () => void) {
    this.#ask = ask;
  }

  get repeats(): number {
    return this.attempts;
  }

  retry(): void {
    this.attempts++;
    this.#ask();
  }

  resume(): void {}
}
