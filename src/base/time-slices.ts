/**
 * Long work in short slices: between two of them the event loop gets to serve. Knows nothing of the work.
 */

export interface SlicesOptions {
  /** Length of a slice. Default 10. */
  readonly ms?: number;
  /** Milliseconds on any clock. */
  now?(): number;
  /** Lets everything else run that is ready. */
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

  /** The slice is over: call {@link rest} before going on. */
  get over(): boolean {
    return this.#now() >= this.#end;
  }

  /** Lets others run, and begins the next slice. */
  async rest(): Promise<void> {
    await this.#rest();
    this.#end = this.#now() + this.#ms;
  }
}

/** Does `work` for each of the items, in slices. It ends early, and rejects, if `work` throws. */
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
