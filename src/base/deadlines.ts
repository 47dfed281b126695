/**
 * A binary heap of deadlines. Moving a deadline further away, which every ACK does, costs nothing: the entry stays in place and
 * is corrected when it reaches the top. Stale entries are swept out before they outnumber the others, so the heap stays
 * proportional to the items in it.
 */

/** Something with a deadline. */
export interface Timed {
  /** Milliseconds on the engine's clock; `Infinity` for none. Call {@link Deadlines.update} after bringing it forward. */
  deadline: number;
  /** The deadline of this item's entry in the heap; owned by {@link Deadlines}, initially `Infinity`. */
  queuedAt: number;
}

interface Entry<T> {
  readonly at: number;
  readonly item: T;
}

/** A heap this small is not worth sweeping. */
const SMALL = 64;

export class Deadlines<T extends Timed> {
  #heap: Entry<T>[] = [];
  /** Items that have an entry. */
  #live = 0;

  /** Number of entries, including stale ones. */
  get size(): number {
    return this.#heap.length;
  }

  /** Records an item's deadline. Cheap if it only moved further away. */
  update(item: T): void {
    if (item.deadline >= item.queuedAt) return;
    if (item.queuedAt === Number.POSITIVE_INFINITY) this.#live++;
    item.queuedAt = item.deadline;
    this.#push({ at: item.deadline, item });
    this.#sweep();
  }

  /** Removes an item. */
  remove(item: T): void {
    item.deadline = Number.POSITIVE_INFINITY;
    if (item.queuedAt === Number.POSITIVE_INFINITY) return;
    item.queuedAt = Number.POSITIVE_INFINITY;
    this.#live--;
    this.#sweep();
    this.#prune();
  }

  /** A lower bound of all deadlines; `Infinity` if there are none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns an item whose deadline has passed; `undefined` if there is none. */
  due(now: number): T | undefined {
    for (let entry = this.#heap[0]; entry !== undefined && entry.at <= now; entry = this.#heap[0]) {
      this.#pop();
      const { at, item } = entry;
      // Stale: an earlier entry of the same item has replaced it.
      if (item.queuedAt !== at) continue;
      item.queuedAt = Number.POSITIVE_INFINITY;
      this.#live--;
      if (item.deadline <= now) {
        this.#prune();
        return item;
      }
      this.update(item);
    }
    this.#prune();
    return undefined;
  }

  /** Drops stale entries from the top of the heap. */
  #prune(): void {
    for (let top = this.#heap[0]; top !== undefined && top.item.queuedAt !== top.at; top = this.#heap[0]) this.#pop();
  }

  #sweep(): void {
    if (this.#heap.length <= SMALL + 2 * this.#live) return;
    // A sorted array is a heap.
    this.#heap = this.#heap.filter(({ at, item }) => item.queuedAt === at).sort((a, b) => a.at - b.at);
  }

  #push(entry: Entry<T>): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
