/**
 * What a server has done since it was made, in numbers. Each thread counts in a row of its own, in memory that all threads share: to
 * count takes no message, no lock and no memory, and a snapshot is the sum of the rows.
 */
import { COUNTER_NAMES, type CounterName, DROP_REASONS, type DropReason } from './counters.ts';
import { SAMPLE_BYTES, Sample } from './sample.ts';

/** Every counter at one moment; the first word of its name is its unit, a drop is a datagram. */
export type StatsSnapshot = Readonly<Record<CounterName, number>>;

/** A row on its way to the thread that counts in it. */
export type StatsShare = SharedArrayBuffer;

const INDEX = Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, i])) as Readonly<Record<CounterName, number>>;
const DROP_INDEX = Object.fromEntries(DROP_REASONS.map((reason) => [reason, INDEX[`drops.${reason}`]])) as Readonly<
  Record<DropReason, number>
>;
const SAMPLES_AT = COUNTER_NAMES.length * Float64Array.BYTES_PER_ELEMENT;
const ROW_BYTES = SAMPLES_AT + DROP_REASONS.length * SAMPLE_BYTES;

/** What one thread has counted. */
class Row {
  readonly memory: SharedArrayBuffer;
  /** Only its own thread writes here, and it writes 64 aligned bits: other threads see the number of before or of after. */
  readonly counts: Float64Array;
  readonly samples: Readonly<Record<DropReason, Sample>>;

  constructor(memory = new SharedArrayBuffer(ROW_BYTES)) {
    this.memory = memory;
    this.counts = new Float64Array(memory, 0, COUNTER_NAMES.length);
    this.samples = Object.fromEntries(
      DROP_REASONS.map((reason, i) => [reason, new Sample(memory, SAMPLES_AT + i * SAMPLE_BYTES)]),
    ) as Record<DropReason, Sample>;
  }
}

export class Stats {
  readonly #own: Row;
  readonly #others = new Set<Row>();

  constructor(own?: StatsShare) {
    this.#own = new Row(own);
  }

  add(name: CounterName, by = 1): void {
    this.#own.counts[INDEX[name]]! += by;
  }

  /** Counts a datagram that came to nothing. @param client kept as an example if there is none */
  drop(reason: DropReason, client: number | string): void {
    // First: what is counted has its example.
    this.#own.samples[reason].put(client);
    this.#own.counts[DROP_INDEX[reason]]! += 1;
  }

  /** A client of whom a datagram was dropped, the first one since this was last called. */
  takeSample(reason: DropReason): number | string | undefined {
    let taken: number | string | undefined;
    for (const row of this.#rows()) taken = row.samples[reason].take() ?? taken;
    return taken;
  }

  snapshot(): StatsSnapshot {
    const sum = (i: number) => this.#rows().reduce((total, { counts }) => total + counts[i]!, 0);
    return Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, sum(i)])) as StatsSnapshot;
  }

  /** A row for another thread, which makes its own `Stats` of it; {@link reclaim} it when that thread has ended. */
  share(): StatsShare {
    const row = new Row();
    this.#others.add(row);
    return row.memory;
  }

  /** Keeps what a thread that has ended has counted, and lets go of its row. */
  reclaim(share: StatsShare): void {
    for (const row of this.#others) {
      if (row.memory !== share) continue;
      row.counts.forEach((count, i) => {
        this.#own.counts[i]! += count;
      });
      for (const reason of DROP_REASONS) {
        const client = row.samples[reason].take();
        if (client !== undefined) this.#own.samples[reason].put(client);
      }
      this.#others.delete(row);
    }
  }

  #rows(): Row[] {
    return [this.#own, ...this.#others];
  }
}
