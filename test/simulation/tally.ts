/** What many seeds have come to. */
import type { Figures } from './scenario.ts';

export class Tally {
  readonly counts = new Map<string, number>();
  readonly failures: string[] = [];
  seeds = 0;
  events = 0;
  transfers = 0;
  reloads = 0;
  least = {
    transfers: Number.POSITIVE_INFINITY,
    reloads: Number.POSITIVE_INFINITY,
    changes: Number.POSITIVE_INFINITY,
    pluginFailures: Number.POSITIVE_INFINITY,
  };
  readonly #began = performance.now();

  add(figures: Figures): void {
    this.seeds++;
    this.events += figures.events;
    this.transfers += figures.transfers;
    this.reloads += figures.reloads;
    for (const what of ['transfers', 'reloads', 'changes', 'pluginFailures'] as const)
      this.least[what] = Math.min(this.least[what], figures[what]);
    for (const [what, count] of figures.counts) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
    if (figures.violations.length > 0)
      this.failures.push(`SEED=${figures.seed} npm run simulate\n  ${figures.violations.slice(0, 4).join('\n  ')}`);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  report(): string {
    const seconds = (performance.now() - this.#began) / 1000;
    const { transfers, reloads, changes, pluginFailures } = this.least;
    const head = `${this.seeds} seeds in ${seconds.toFixed(1)} s: ${this.transfers} transfers, ${this.reloads} reloads, ${this.events} events; at least ${transfers} transfers, ${reloads} reloads, ${changes} file changes, ${pluginFailures} failures of plugins a seed`;
    const lines = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `  ${what}: ${count}`);
    return [head, ...lines].join('\n');
  }
}
