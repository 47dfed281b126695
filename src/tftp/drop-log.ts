/**
 * Datagrams that came to nothing, for the log: at most one line a second, however many there are. Nothing reports a drop; this looks
 * at what was counted.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { peerOf } from '../base/peer.ts';
import { DROP_REASONS, type DropReason } from '../stats/counters.ts';
import type { Stats, StatsSnapshot } from '../stats/stats.ts';

const EVERY_MS = 1_000;

export class DropLog {
  readonly #stats: Stats;
  readonly #log: Log;
  readonly #clock: Clock;
  #logged: StatsSnapshot['counters'];
  #cancel = () => {};

  constructor(stats: Stats, log: Log, clock: Clock) {
    this.#stats = stats;
    this.#log = log;
    this.#clock = clock;
    this.#logged = stats.snapshot().counters;
  }

  start(): void {
    this.#cancel = this.#clock.setTimeout(() => {
      this.#write();
      this.start();
    }, EVERY_MS);
  }

  /** Logs what it has not logged yet. */
  stop(): void {
    this.#cancel();
    this.#write();
  }

  #write(): void {
    const before = this.#logged;
    const now = this.#stats.snapshot().counters;
    this.#logged = now;
    const drops = DROP_REASONS.map((reason) => ({ reason, count: now[`drops.${reason}`] - before[`drops.${reason}`] }))
      .filter(({ count }) => count > 0)
      .map(({ reason, count }) => ({ reason, count, ...this.#exampleOf(reason) }));
    if (drops.length === 0) return;
    // A request beyond a limit is a machine that does not boot; strays are part of every network.
    if (drops.some(({ reason }) => reason.startsWith('too-many'))) this.#log.warn({ drops }, 'datagrams dropped');
    else this.#log.debug({ drops }, 'datagrams dropped');
  }

  #exampleOf(reason: DropReason): { readonly client?: string; readonly port?: number } {
    const key = this.#stats.takeSample(reason);
    if (key === undefined) return {};
    const { address, port } = peerOf(key);
    return { client: address, port };
  }
}
