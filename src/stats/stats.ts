/**
 * What a server has done since it was made, in numbers. Each thread counts in a row of its own, in memory that all threads share: to
 * count takes no message, no lock and no memory, and a snapshot is the sum of the rows.
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

/** Everything at one moment; it does not change any more. */
export interface StatsSnapshot extends Sums<CounterName, GaugeName, HistogramName> {
  /** By the name of each plugin that was set up, also of those that a reload has removed. */
  readonly plugins: Readonly<Record<string, PluginStats>>;
}

/** What was counted and measured for one plugin. */
export type PluginStats = Readonly<Record<PluginCounterName, number> & Record<PluginHistogramName, HistogramSnapshot>>;

/** Counts for one plugin. */
export interface PluginCounters {
  add(name: PluginCounterName): void;
  observe(name: PluginHistogramName, value: number): void;
}

/** A row on its way to the thread that counts in it. */
export type StatsShare = SharedArrayBuffer;

const LAYOUT = new Layout({ counters: COUNTERS, gauges: GAUGES, histograms: HISTOGRAMS });
const PLUGIN_LAYOUT = new Layout({ counters: PLUGIN_COUNTERS, gauges: {}, histograms: PLUGIN_HISTOGRAMS });
/** The samples of dropped datagrams follow the numbers. */
const SHARE_BYTES = LAYOUT.bytes + DROP_REASONS.length * SAMPLE_BYTES;
const DROPS = Object.fromEntries(DROP_REASONS.map((reason) => [reason, `drops.${reason}`])) as Readonly<
  Record<DropReason, CounterName>
>;

/** Plugins that are told apart: a config that makes up names must not fill the memory. */
const MAX_PLUGINS = 256;
/** Counts for the plugins beyond that. */
const OTHER_PLUGINS = 'others';

type PluginRow = Row<PluginCounterName, never, PluginHistogramName>;

/** What one thread has counted. */
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

  /** Changes a gauge by so much. */
  shift(name: GaugeName, by: number): void {
    this.#own.shift(name, by);
  }

  /** @param value in the unit of the histogram */
  observe(name: HistogramName, value: number): void {
    this.#own.observe(name, value);
  }

  /** Counts a datagram that came to nothing. @param client kept as an example if there is none */
  drop(reason: DropReason, client: number | string): void {
    // First: what is counted has its example.
    this.#own.samples[reason].put(client);
    this.#own.add(DROPS[reason]);
  }

  /** Where to count for a plugin; all plugins of one name share it, whatever their generation. */
  plugin(name: string): PluginCounters {
    const key = this.#plugins.has(name) || this.#plugins.size < MAX_PLUGINS ? name : OTHER_PLUGINS;
    let row = this.#plugins.get(key);
    if (row === undefined) {
      row = new Row(PLUGIN_LAYOUT);
      this.#plugins.set(key, row);
    }
    return row;
  }

  /** A client of whom a datagram was dropped, the first one since this was last called. */
  takeSample(reason: DropReason): number | string | undefined {
    let taken: number | string | undefined;
    for (const row of this.#rows()) taken = row.samples[reason].take() ?? taken;
    return taken;
  }

  snapshot(): StatsSnapshot {
    const plugins = Array.from(this.#plugins, ([name, row]) => [name, pluginStats(row)]);
    return { ...sumsOf(LAYOUT, this.#rows()), plugins: Object.fromEntries(plugins) };
  }

  /** A row for another thread, which makes its own `Stats` of it; {@link reclaim} it when that thread has ended. */
  share(): StatsShare {
    const row = new ThreadRow();
    this.#others.add(row);
    return row.memory;
  }

  /** Keeps what a thread that has ended has counted, and lets go of its row. */
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
