/**
 * What came of a storm: counts and distributions, in memory that does not grow with it.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ProfileName } from './profile.ts';

/** How one request ended. `absent`: ERROR 1 where that is an answer. */
export type RequestOutcome = 'completed' | 'probed' | 'absent' | 'failed';

/** A distribution, milliseconds; `undefined` if nothing was measured. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Reasons counted separately; servers word them as they like. */
const MAX_REASONS = 32;
const MAX_REASON_CHARACTERS = 100;

export class Tally {
  readonly requests: Record<RequestOutcome, number> = { completed: 0, probed: 0, absent: 0, failed: 0 };
  readonly boots = { started: 0, completed: 0, failed: 0 };
  readonly failures = new Map<string, number>();
  readonly failedProfiles = new Map<ProfileName, number>();
  /** Payload of DATA in order. */
  bytes = 0;
  /** Requests and ACKs that the clients sent more than once because nothing came. */
  sentAgain = 0;
  /** DATA that came beyond what was needed: sent again by the server, or doubled on the way. */
  receivedAgain = 0;
  readonly #boot = new Distribution();
  readonly #transfer = new Distribution();
  readonly #firstByte = new Distribution();

  completed(transferMs: number, firstByteMs: number): void {
    this.requests.completed++;
    this.#transfer.add(transferMs);
    this.#firstByte.add(firstByteMs);
  }

  failed(reason: string): void {
    this.requests.failed++;
    const text = reason.slice(0, MAX_REASON_CHARACTERS);
    const key = this.failures.has(text) || this.failures.size < MAX_REASONS ? text : 'other';
    this.failures.set(key, (this.failures.get(key) ?? 0) + 1);
  }

  bootCompleted(ms: number): void {
    this.boots.completed++;
    this.#boot.add(ms);
  }

  bootFailed(profile: ProfileName): void {
    this.boots.failed++;
    this.failedProfiles.set(profile, (this.failedProfiles.get(profile) ?? 0) + 1);
  }

  /** From a boot's first request to its last byte. */
  get bootMs(): Latency | undefined {
    return this.#boot.latency;
  }

  /** From a request to the last byte of its file. */
  get transferMs(): Latency | undefined {
    return this.#transfer.latency;
  }

  /** From a request to the first byte of its file. */
  get firstByteMs(): Latency | undefined {
    return this.#firstByte.latency;
  }
}

class Distribution {
  /** Microseconds. */
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });

  add(ms: number): void {
    this.#histogram.record(Math.max(1, Math.round(ms * 1000)));
  }

  get latency(): Latency | undefined {
    const histogram = this.#histogram;
    if (histogram.count === 0) return undefined;
    const at = (percentile: number) => histogram.percentile(percentile) / 1000;
    return { p50: at(50), p90: at(90), p99: at(99), max: histogram.max / 1000 };
  }
}
