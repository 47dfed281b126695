/**
 * The server's metrics since it was created. Each thread counts in its own row of shared memory: counting needs no message, no
 * lock and no allocation, and a snapshot is the sum of the rows.
 */
import {
  COUNTERS,
  type CounterName,
  DROP_REASONS,
  type DropReason,
  GAUGES,
  type GaugeName,
  HISTOGRAMS,
  type HistogramName,
  PLUGIN_COUNTERS,
  PLUGIN_HISTOGRAMS,
  type PluginCounterName,
  type PluginHistogramName,
} from './counters.ts';
import type { HistogramSnapshot } from './histogram.ts';
import { Layout, Row, type Sums, sumsOf } from './row.ts';
import { SAMPLE_BYTES, Sample } from './sample.ts';

/** An immutable snapshot of all metrics. */
export interface StatsSnapshot extends Sums<CounterName, GaugeName, HistogramName> {
  /** By plugin name, including plugins that a reload has removed. */
  readonly plugins: Readonly<Record<string, PluginStats>>;
}

/** The metrics of one plugin. */
export type PluginStats = Readonly<Record<PluginCounterName, number> & Record<PluginHistogramName, HistogramSnapshot>>;

/** Counts for one plugin. */
export interface PluginCounters {
  add(name: PluginCounterName): void;
  observe(name: PluginHistogramName, value: number): void;
}

/** A row to hand to another thread, which will count in it. */
export type StatsShare = SharedArrayBuffer;

const LAYOUT = new Layout({ counters: COUNTERS, gauges: GAUGES, histograms: HISTOGRAMS });
const PLUGIN_LAYOUT = new Layout({ counters: PLUGIN_COUNTERS, gauges: {}, histograms: PLUGIN_HISTOGRAMS });
/** The samples of dropped datagrams follow the metrics. */
const SHARE_BYTES = LAYOUT.bytes + DROP_REASONS.length * SAMPLE_BYTES;
const DROPS = Object.fromEntries(DROP_REASONS.map((reason) => [reason, `drops.${reason}`])) as Readonly<
  Record<DropReason, CounterName>
>;

/** Plugins counted separately: bounded, so that a config that generates names cannot exhaust memory. */
const MAX_PLUGINS = 256;
/** Name under which all further plugins are counted. */
const OTHER_PLUGINS = 'others';

type PluginRow = Row<PluginCounterName, never, PluginHistogramName>;

/** The metrics of one thread. */
class ThreadRow extends Row<CounterName, GaugeName, HistogramName> {
  readonly memory: SharedArrayBuffer;
  readonly samples: Readonly<Record<DropReason, Sample>>;

  constructor(memory = new SharedArrayBuffer(SHARE_BYTES)) {
    super(LAYOUT, memory);
    this.memory = memory;
    this.samples = Object.fromEntries(
      DROP_REASONS.map((reason, i) => [reason, new Sample(memory, LAYOUT.bytes + i * SAMPLE_BYTES)]),
    ) as Record<DropReason, Sample>;
  }
}

export class Stats {
  readonly #own: ThreadRow;
  readonly #others = new Set<ThreadRow>();
  /** Hooks run on the main thread only. */
  readonly #plugins = new Map<string, PluginRow>();

  constructor(own?: StatsShare) {
    this.#own = new ThreadRow(own);
  }

  add(name: CounterName, by = 1): void {
    this.#own.add(name, by);
  }

  set(name: GaugeName, value: number): void {
    this.#own.set(name, value);
  }

  /** Adds `by` to a gauge. */
  shift(name: GaugeName, by: number): void {
    this.#own.shift(name, by);
  }

  /** @param value in the unit of the histogram */
  observe(name: HistogramName, value: number): void {
    this.#own.observe(name, value);
  }

  /** Counts a dropped datagram. @param client kept as the sample if there is none yet */
  drop(reason: DropReason, client: number | string): void {
    // Before the count, so that every count seen has a sample.
    this.#own.samples[reason].put(client);
    this.#own.add(DROPS[reason]);
  }

  /** The counters of a plugin, shared by all plugins of that name across generations. */
  plugin(name: string): PluginCounters {
    const key = this.#plugins.has(name) || this.#plugins.size < MAX_PLUGINS ? name : OTHER_PLUGINS;
    let row = this.#plugins.get(key);
    if (row === undefined) {
      row = new Row(PLUGIN_LAYOUT);
      this.#plugins.set(key, row);
    }
    return row;
  }

  /** The first client whose datagram was dropped since the last call. */
  takeSample(reason: DropReason): number | string | undefined {
    let taken: number | string | undefined;
    for (const row of this.#rows()) taken = row.samples[reason].take() ?? taken;
    return taken;
  }

  snapshot(): StatsSnapshot {
    const plugins = Array.from(this.#plugins, ([name, row]) => [name, pluginStats(row)]);
    return { ...sumsOf(LAYOUT, this.#rows()), plugins: Object.fromEntries(plugins) };
  }

  /** A row for another thread, which creates its own `Stats` from it; {@link reclaim} it when that thread has ended. */
  share(): StatsShare {
    const row = new ThreadRow();
    this.#others.add(row);
    return row.memory;
  }

  /** Keeps the counts of a thread that has ended, and frees its row. */
  reclaim(share: StatsShare): void {
    for (const row of this.#others) {
      if (row.memory !== share) continue;
      this.#own.absorb(row);
      for (const reason of DROP_REASONS) {
        const client = row.samples[reason].take();
        if (client !== undefined) this.#own.samples[reason].put(client);
      }
      this.#others.delete(row);
    }
  }

  #rows(): ThreadRow[] {
    return [this.#own, ...this.#others];
  }
}

function pluginStats(row: PluginRow): PluginStats {
  const { counters, histograms } = sumsOf(PLUGIN_LAYOUT, [row]);
  return { ...counters, ...histograms };
}
