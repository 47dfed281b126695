/**
 * Boots with a clock and a log: one timer for all of them, and none while there are none. It outlives reloads, so that a save cuts
 * no boot in two; each generation hands in its own log and timing.
 */
import type { ExchangeInfo, ExchangeSummary, Log } from 'pxe';
import type { Boot } from './boot-session.ts';
import { Boots, QUIET_MS } from './boots.ts';
import { clientFields } from './lib/client-fields.ts';

export class BootLog {
  readonly #timing = { idleMs: 60_000, onBoot: (boot: Boot) => this.#onBoot(boot) };
  readonly #boots = new Boots(this.#timing);
  #log: Log;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A new generation's log and timing hold from now on. */
  use(log: Log, idleMs: number): void {
    this.#log = log;
    this.#timing.idleMs = idleMs;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#arm();
  }

  start(transfer: ExchangeInfo): void {
    this.#boots.start(transfer, performance.now());
    this.#arm();
  }

  end(summary: ExchangeSummary): void {
    this.#boots.end(summary, performance.now());
    this.#arm();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#boots.cut();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#boots.size === 0) return;
    this.#timer = setTimeout(() => this.#sweep(), Math.min(this.#timing.idleMs, QUIET_MS) / 4).unref();
  }

  #sweep(): void {
    this.#boots.sweep(performance.now());
    this.#timer = undefined;
    this.#arm();
  }

  #onBoot(boot: Boot): void {
    // A single request has its line already, and so has an offer.
    if (boot.requests > 0 && boot.requests + boot.offers.length > 1) this.#log.info(bootFields(boot), 'boot');
  }
}

function bootFields(boot: Boot) {
  const { client, offers, steps, ms, bytes, requests, absent, probes, refused, retransmissions, moreSteps, ended, continued } =
    boot;
  return {
    ...clientFields(client),
    offers: offers.length > 0 ? offers.map((offer) => ({ ...offer, ms: round(offer.ms) })) : undefined,
    steps: steps.map((step) => ({ ...step, ms: round(step.ms), afterMs: round(step.afterMs) })),
    ms: round(ms),
    bytes,
    requests,
    absent: absent || undefined,
    probes: probes || undefined,
    refused: refused || undefined,
    retransmissions: retransmissions || undefined,
    moreSteps: moreSteps || undefined,
    continued: continued || undefined,
    ended,
  };
}

/** To three places: microseconds of a millisecond. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
