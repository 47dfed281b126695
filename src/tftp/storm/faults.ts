/**
 * What a bad network does to datagrams: loses them, doubles them, or delays them so that others overtake. A seed decides, for
 * each boot by itself, so that what becomes of one does not depend on how the others fare.
 */
import type { Deadlines } from '../../base/deadlines.ts';
import type { Wakeable } from './wakeable.ts';

/** Probabilities, 0–1, of each datagram in either direction. */
export interface FaultRates {
  readonly loss: number;
  readonly duplication: number;
  readonly reordering: number;
}

export const NO_FAULTS: FaultRates = { loss: 0, duplication: 0, reordering: 0 };

/** How often something happened. */
export interface FaultCounts {
  lost: number;
  duplicated: number;
  reordered: number;
}

/** A datagram is delayed for at most this long. */
const MAX_DELAY_MS = 20;

export class Faults {
  readonly counts: FaultCounts = { lost: 0, duplicated: 0, reordered: 0 };
  /** False: datagrams need not pass through here. */
  readonly any: boolean;
  readonly #rates: FaultRates;
  readonly #deadlines: Deadlines<Wakeable>;

  constructor(rates: FaultRates, deadlines: Deadlines<Wakeable>) {
    this.#rates = rates;
    this.#deadlines = deadlines;
    this.any = rates.loss > 0 || rates.duplication > 0 || rates.reordering > 0;
  }

  /** Calls `deliver` once, twice, later, or never. What is delayed is copied. */
  pass(datagram: Uint8Array, now: number, random: () => number, deliver: (datagram: Uint8Array, now: number) => void): void {
    const { loss, duplication, reordering } = this.#rates;
    if (random() < loss) {
      this.counts.lost++;
      return;
    }
    const twice = random() < duplication;
    if (twice) this.counts.duplicated++;
    for (let copy = 0; copy < (twice ? 2 : 1); copy++) {
      if (random() >= reordering) deliver(datagram, now);
      else {
        this.counts.reordered++;
        this.#delay(datagram.slice(), now + random() * MAX_DELAY_MS, deliver);
      }
    }
  }

  #delay(datagram: Uint8Array, deadline: number, deliver: (datagram: Uint8Array, now: number) => void): void {
    this.#deadlines.update({
      deadline,
      queuedAt: Number.POSITIVE_INFINITY,
      wake: (now) => deliver(datagram, now),
    });
  }
}
