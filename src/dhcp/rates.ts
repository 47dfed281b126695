/**
 * How many requests each sender may make within a time. Pure: the caller passes the time, and memory is bounded.
 */
export interface Rate {
  readonly most: number;
  readonly perMs: number;
}

interface Window {
  since: number;
  count: number;
}

export class Rates {
  readonly #windows = new Map<string, Window>();
  readonly #capacity: number;

  /** @param capacity maximum number of senders; beyond it, those whose time began first are forgotten */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#windows.size;
  }

  /** Counts a request; whether it is within the rate. */
  allows(sender: string, { most, perMs }: Rate, now: number): boolean {
    const window = this.#windows.get(sender);
    if (window !== undefined && now - window.since < perMs) return ++window.count <= most;
    this.#windows.delete(sender);
    this.#windows.set(sender, { since: now, count: 1 });
    if (this.#windows.size > this.#capacity) this.#windows.delete(this.#windows.keys().next().value!);
    return true;
  }
}
