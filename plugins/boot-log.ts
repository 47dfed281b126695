/**
 * Connects `Boots` to the clock and the log, with one timer while any boot is in progress. It outlives reloads, so that a reload
 * does not split a boot; each generation supplies its own log and timing.
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

  /** Switches to the log and timing of a new generation. */
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
    // A single request has already been logged, and so has an offer.
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

/** Rounds to three decimal places: milliseconds to whole microseconds. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
