/**
 * Splits long work into short slices, so that the event loop can serve between them.
 */

export interface SlicesOptions {
  /** Length of a slice in ms. Default 10. */
  readonly ms?: number;
  /** Milliseconds on any clock. */
  now?(): number;
  /** Lets everything run that is ready. */
  rest?(): Promise<void>;
}

export class Slices {
  readonly #ms: number;
  readonly #now: () => number;
  readonly #rest: () => Promise<void>;
  #end: number;

  constructor({ ms = 10, now = () => performance.now(), rest = otherEvents }: SlicesOptions = {}) {
    this.#ms = ms;
    this.#now = now;
    this.#rest = rest;
    this.#end = now() + ms;
  }

  /** Whether the slice is used up: call {@link rest} before continuing. */
  get over(): boolean {
    return this.#now() >= this.#end;
  }

  /** Yields to the event loop, then starts the next slice. */
  async rest(): Promise<void> {
    await this.#rest();
    this.#end = this.#now() + this.#ms;
  }
}

/** Calls `work` for each item, in slices. Stops and rejects if `work` throws. */
export async function inSlices<Item>(items: Iterable<Item>, work: (item: Item) => void, slices = new Slices()): Promise<void> {
  for (const item of items) {
    work(item);
    if (slices.over) await slices.rest();
  }
}

function otherEvents(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
