/**
 * Limits the bytes of files that the process caches. Two threads may share one budget, each for its own segments; the sum never
 * exceeds the bound. Neither waits for the other: the thread with less than half requests more, and the other gives way at its
 * next check.
 */

/** A budget to hand to another thread. */
export interface BudgetShare {
  readonly maxBytes: number;
  readonly memory: SharedArrayBuffer;
}

/** Bytes in use by each side (64 bits), then the bytes requested from each side (32 bits, in units of {@link ASKED_BYTES}). */
const MEMORY_BYTES = 2 * 8 + 2 * 4;
const ASKED_BYTES = 1024;
/** Maximum of one request, which must fit into 32 bits. */
const MAX_ASKED = 2 ** 20;

type Side = 0 | 1;

export class CacheBudget {
  readonly maxBytes: number;
  readonly #side: Side;
  #used!: BigInt64Array;
  #asked!: Int32Array;

  constructor(maxBytes: number, memory = new SharedArrayBuffer(MEMORY_BYTES), side: Side = 0) {
    this.maxBytes = maxBytes;
    this.#side = side;
    this.#attach(memory);
  }

  /** The other thread's end of a budget. */
  static join({ maxBytes, memory }: BudgetShare): CacheBudget {
    return new CacheBudget(maxBytes, memory, 1);
  }

  /** Lets one thread {@link join}; any previous thread loses its share with everything it cached. */
  share(): BudgetShare {
    const memory = new SharedArrayBuffer(MEMORY_BYTES);
    const used = this.#used[this.#side]!;
    this.#attach(memory);
    Atomics.add(this.#used, this.#side, used);
    return { maxBytes: this.maxBytes, memory };
  }

  /** Bytes in use by this side. */
  get used(): number {
    return Number(Atomics.load(this.#used, this.#side));
  }

  /** Allocates bytes if available; if not, requests them from the other side if that has more than half. */
  take(bytes: number): boolean {
    Atomics.add(this.#used, this.#side, BigInt(bytes));
    const inAll = Number(Atomics.load(this.#used, 0) + Atomics.load(this.#used, 1));
    if (inAll <= this.maxBytes) return true;
    this.give(bytes);
    if (this.used < this.maxBytes / 2) this.#ask(bytes);
    return false;
  }

  /** Returns allocated bytes. */
  give(bytes: number): void {
    Atomics.sub(this.#used, this.#side, BigInt(bytes));
  }

  /**
   * Bytes that this side must free at the other's request. Each request is returned once, and never asks for more than the excess
   * over half.
   */
  takeAsked(): number {
    if (Atomics.load(this.#asked, this.#side) === 0) return 0;
    const asked = Atomics.exchange(this.#asked, this.#side, 0) * ASKED_BYTES;
    return Math.max(0, Math.min(asked, this.used - this.maxBytes / 2));
  }

  #ask(bytes: number): void {
    const other = 1 - this.#side;
    // A request lost between these two steps is repeated with the next segment.
    const asked = Atomics.load(this.#asked, other) + Math.ceil(bytes / ASKED_BYTES);
    Atomics.store(this.#asked, other, Math.min(asked, MAX_ASKED));
  }

  #attach(memory: SharedArrayBuffer): void {
    this.#used = new BigInt64Array(memory, 0, 2);
    this.#asked = new Int32Array(memory, 16, 2);
  }
}
