/**
 * One thread's metrics, laid out in memory that it may share. Each row has a single writer, and writes are aligned 64-bit
 * stores, so readers on other threads never see a torn number.
 */
import { bucketOf, type HistogramSnapshot, histogramSnapshot } from './histogram.ts';

interface Tables<Counter extends string, Gauge extends string, Histogram extends string> {
  readonly counters: Readonly<Record<Counter, unknown>>;
  readonly gauges: Readonly<Record<Gauge, unknown>>;
  readonly histograms: Readonly<Record<Histogram, { readonly bounds: readonly number[] }>>;
}

/** The offset of each metric in a row. */
export class Layout<Counter extends string, Gauge extends string, Histogram extends string> {
  readonly counters: readonly Counter[];
  readonly gauges: readonly Gauge[];
  readonly histograms: readonly Histogram[];
  readonly bounds: Readonly<Record<Histogram, readonly number[]>>;
  /** A histogram's offset is that of its sum; its buckets follow. */
  readonly at: Readonly<Record<Counter | Gauge | Histogram, number>>;
  readonly bytes: number;

  constructor({ counters, gauges, histograms }: Tables<Counter, Gauge, Histogram>) {
    this.counters = Object.keys(counters) as Counter[];
    this.gauges = Object.keys(gauges) as Gauge[];
    this.histograms = Object.keys(histograms) as Histogram[];
    this.bounds = Object.fromEntries(this.histograms.map((name) => [name, histograms[name].bounds])) as typeof this.bounds;
    const at: Record<string, number> = {};
    let length = 0;
    for (const name of [...this.counters, ...this.gauges]) at[name] = length++;
    for (const name of this.histograms) {
      at[name] = length;
      length += 1 + this.bounds[name].length + 1;
    }
    this.at = at as typeof this.at;
    this.bytes = length * Float64Array.BYTES_PER_ELEMENT;
  }
}

export class Row<Counter extends string, Gauge extends string, Histogram extends string> {
  readonly #layout: Layout<Counter, Gauge, Histogram>;
  readonly #numbers: Float64Array;

  constructor(layout: Layout<Counter, Gauge, Histogram>, memory: ArrayBufferLike = new ArrayBuffer(layout.bytes)) {
    this.#layout = layout;
    this.#numbers = new Float64Array(memory, 0, layout.bytes / Float64Array.BYTES_PER_ELEMENT);
  }

  add(name: Counter, by = 1): void {
    this.#numbers[this.#layout.at[name]]! += by;
  }

  set(name: Gauge, value: number): void {
    this.#numbers[this.#layout.at[name]] = value;
  }

  /** Adds `by` to a gauge. */
  shift(name: Gauge, by: number): void {
    this.#numbers[this.#layout.at[name]]! += by;
  }

  observe(name: Histogram, value: number): void {
    const at = this.#layout.at[name];
    this.#numbers[at]! += value;
    this.#numbers[at + 1 + bucketOf(this.#layout.bounds[name], value)]! += 1;
  }

  /** Adds the counters and histograms of a row whose thread has ended; its gauges no longer apply. */
  absorb(other: Row<Counter, Gauge, Histogram>): void {
    const { counters, gauges } = this.#layout;
    other.#numbers.forEach((number, at) => {
      if (at < counters.length || at >= counters.length + gauges.length) this.#numbers[at]! += number;
    });
  }

  at(index: number): number {
    return this.#numbers[index]!;
  }
}

/** All metrics, summed over the threads. */
export interface Sums<Counter extends string, Gauge extends string, Histogram extends string> {
  /** What has happened, and only rises. */
  readonly counters: Readonly<Record<Counter, number>>;
  /** What is at this moment. */
  readonly gauges: Readonly<Record<Gauge, number>>;
  /** How often each size of something has occurred. */
  readonly histograms: Readonly<Record<Histogram, HistogramSnapshot>>;
}

export function sumsOf<Counter extends string, Gauge extends string, Histogram extends string>(
  { counters, gauges, histograms, bounds, at }: Layout<Counter, Gauge, Histogram>,
  rows: readonly Row<Counter, Gauge, Histogram>[],
): Sums<Counter, Gauge, Histogram> {
  const sum = (index: number) => rows.reduce((total, row) => total + row.at(index), 0);
  const numbers = (names: readonly (Counter | Gauge)[]) => names.map((name) => [name, sum(at[name])]);
  const histogram = (name: Histogram) => {
    const buckets = Array.from({ length: bounds[name].length + 1 }, (_, i) => sum(at[name] + 1 + i));
    return histogramSnapshot(bounds[name], sum(at[name]), buckets);
  };
  return {
    counters: Object.fromEntries(numbers(counters)),
    gauges: Object.fromEntries(numbers(gauges)),
    histograms: Object.fromEntries(histograms.map((name) => [name, histogram(name)])),
  } as Sums<Counter, Gauge, Histogram>;
}
