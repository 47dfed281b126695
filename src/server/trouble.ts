/**
 * Logs failed requests if no plugin does, so that a refusal or a read error does not go unnoticed. It is limited, so that hostile
 * traffic cannot fill the disk.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { EndReason } from '../base/refusal.ts';
import type { ExchangeSummary } from '../plugin/types.ts';

/** Maximum lines per second; the first line of the next second says how many were dropped. */
const LINES_PER_SECOND = 5;

export class TroubleLog {
  readonly #log: Log;
  readonly #clock: Clock;
  #second = -1;
  #lines = 0;
  #leftOut = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Logs a transfer that failed, unless the failure has been logged already. */
  end(summary: ExchangeSummary): void {
    if (!isTrouble(summary) || !this.#hasRoom()) return;
    const { id, request, served, outcome, error } = summary;
    const { client, kind, asked } = request;
    const { address, port, mac, macSource, host } = client;
    const leftOut = this.#leftOut || undefined;
    this.#leftOut = 0;
    this.#log.warn(
      { transfer: id, client: address, port, mac, macSource, host: host?.name, kind, asked, served, outcome, error, leftOut },
      outcome === 'refused' ? 'request refused' : 'transfer failed',
    );
  }

  #hasRoom(): boolean {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines < LINES_PER_SECOND) return ++this.#lines > 0;
    this.#leftOut++;
    return false;
  }
}

/** Absent names are part of every boot, clients disappear, and an internal error was logged where it happened. */
const UNTROUBLED = new Set<EndReason | undefined>(['not-found', 'no-answer', 'internal']);

function isTrouble({ request, outcome, error }: ExchangeSummary): boolean {
  if (outcome !== 'refused' && outcome !== 'failed') return false;
  // A machine without a boot offer repeats its request; the DHCP service logs that once.
  if (request.kind === 'boot' && error?.reason === 'unsupported') return false;
  return error !== undefined && !UNTROUBLED.has(error.reason);
}
