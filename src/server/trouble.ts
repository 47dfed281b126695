/**
 * Requests that went wrong, for a log that no plugin writes: what is refused or cannot be read must not pass in silence. Hostile
 * traffic must not fill the disk with it.
 */
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { EndReason } from '../base/refusal.ts';
import type { ExchangeSummary } from '../plugin/types.ts';

/** Lines in a second, at most; the next second's first line says how many were left out. */
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

  /** Writes a line if the transfer ended in trouble that has none yet. */
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

/** Absent names are part of every boot, clients vanish, and an internal error has its line where it happened. */
const UNTROUBLED = new Set<EndReason | undefined>(['not-found', 'no-answer', 'internal']);

function isTrouble({ request, outcome, error }: ExchangeSummary): boolean {
  if (outcome !== 'refused' && outcome !== 'failed') return false;
  // A machine that cannot be offered what it is to boot asks again and again: its service says so once.
  if (request.kind === 'boot' && error?.reason === 'unsupported') return false;
  return error !== undefined && !UNTROUBLED.has(error.reason);
}
