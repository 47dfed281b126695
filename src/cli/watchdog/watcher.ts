/**
 * Decides, from the shared state, when the main thread is blocked and when the process must be killed. It has no thread, clock or
 * signals of its own.
 */
import { describePlace, type Share } from './share.ts';

export interface WatcherOptions {
  readonly share: Share;
  readonly names: ReadonlyMap<number, string>;
  /** SIGTERM and SIGINT so far. */
  signals(): number;
  /** Writes a line for a person. */
  say(line: string): void;
  /** Ends the process. */
  kill(): void;
}

/** How often {@link Watcher.tick} is to be called, in ms. */
export const TICK_MS = 200;
/** A stall longer than this is reported. */
const STALL_MS = 2000;
/** After a signal, a blocked main thread gets this much time, and a stop this much more than `limits.stopMs`. */
const STANDING_MS = 1500;
const GRACE_MS = 1800;
/** After a second signal there is only time for ERRORs and the last lines of the log. */
const SECOND_SIGNAL_MS = 1800;

export class Watcher {
  readonly #options: WatcherOptions;
  #beats = -1;
  /** When the event loop was last seen to run. */
  #turnedAt = 0;
  #tickedAt: number | undefined;
  #stalled = false;
  #signals = 0;
  #signalledAt = 0;
  #deadline = Number.POSITIVE_INFINITY;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** @param now in ms, of a monotonic clock */
  tick(now: number): void {
    const { share } = this.#options;
    // This thread was blocked as well: the machine was asleep or overloaded.
    const lateMs = now - (this.#tickedAt ?? now) - TICK_MS;
    if (lateMs > TICK_MS) this.#turnedAt = Math.min(now, this.#turnedAt + lateMs);
    this.#tickedAt = now;
    const { beats } = share;
    if (beats !== this.#beats) this.#turned(now, beats);
    else if (!this.#stalled && now - this.#turnedAt >= STALL_MS) this.#stall();
    this.#takeSignals(now);
    if (now >= this.#deadline) this.#force(`still running ${seconds(now - this.#signalledAt)} after the signal`);
    else if (this.#signals > 0 && now - Math.max(this.#signalledAt, this.#turnedAt) >= STANDING_MS)
      this.#force(`the main thread is blocked ${this.#place()}`);
  }

  #turned(now: number, beats: number): void {
    if (this.#stalled) this.#options.say(`the main thread runs again after ${seconds(now - this.#turnedAt)}`);
    this.#stalled = false;
    this.#beats = beats;
    this.#turnedAt = now;
  }

  #stall(): void {
    const { share, say } = this.#options;
    this.#stalled = true;
    share.stalled = share.place > 0 ? share.place : share.background || share.place;
    say(`the main thread has been blocked for ${seconds(STALL_MS)} ${this.#place()}: requests wait`);
  }

  #takeSignals(now: number): void {
    const signals = this.#options.signals();
    if (signals === this.#signals) return;
    if (this.#signals === 0) this.#signalledAt = now;
    const wait = signals > 1 ? SECOND_SIGNAL_MS : this.#options.share.stopMs + GRACE_MS;
    this.#deadline = Math.min(this.#deadline, now + wait);
    this.#signals = signals;
  }

  #place(): string {
    const { share, names } = this.#options;
    return describePlace(share.place, share.background, names);
  }

  #force(reason: string): void {
    this.#deadline = Number.POSITIVE_INFINITY;
    this.#options.say(`killing the process: ${reason}`);
    this.#options.kill();
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
