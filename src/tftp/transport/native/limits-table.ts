/**
 * The limits of transfers, by number: answers carry the number, since limits are large, the same for nearly all transfers, and would be
 * copied from thread to thread with each.
 */
import type { TransferLimits } from '../../protocol/transfer.ts';

export class LimitsTable {
  readonly #announce: (number: number, limits: TransferLimits) => void;
  readonly #numbers = new WeakMap<TransferLimits, number>();
  /** A reload makes new objects that mostly say the same. */
  readonly #byText = new Map<string, number>();

  /** @param announce called with each number before it is used */
  constructor(announce: (number: number, limits: TransferLimits) => void) {
    this.#announce = announce;
  }

  /** @param limits never modified again */
  numberOf(limits: TransferLimits): number {
    const known = this.#numbers.get(limits);
    if (known !== undefined) return known;
    const text = JSON.stringify(limits);
    const number = this.#byText.get(text) ?? this.#byText.size;
    if (number === this.#byText.size) {
      this.#byText.set(text, number);
      this.#announce(number, limits);
    }
    this.#numbers.set(limits, number);
    return number;
  }
}
