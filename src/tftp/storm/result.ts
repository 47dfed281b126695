/**
 * What a storm reports at the end; the shape of `pxe storm --json`.
 */
import type { FaultCounts } from './faults.ts';
import type { ProfileName } from './profile.ts';
import type { Storm } from './storm.ts';
import type { Latency, RequestOutcome } from './tally.ts';

export interface StormResult {
  readonly seed: number;
  readonly clients: number;
  readonly ms: number;
  readonly boots: {
    readonly asked: number;
    readonly completed: number;
    readonly failed: number;
    /** Begun or not, when the time was up. */
    readonly unfinished: number;
  };
  readonly requests: Readonly<Record<RequestOutcome, number>>;
  readonly bytes: number;
  readonly megabytesPerSecond: number;
  readonly requestsPerSecond: number;
  readonly bootMs: Latency | undefined;
  readonly transferMs: Latency | undefined;
  readonly firstByteMs: Latency | undefined;
  readonly sentAgain: number;
  readonly receivedAgain: number;
  readonly faults: Readonly<FaultCounts>;
  /** How often, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Failed boots. */
  readonly failedProfiles: Readonly<Partial<Record<ProfileName, number>>>;
}

/** So far, if it is not over. */
export function resultOf(storm: Storm, now: number): StormResult {
  const { plan, tally, faults } = storm;
  const ms = storm.elapsedMs(now);
  const { completed, failed } = tally.boots;
  const asked = plan.arrivals.length;
  const requests = Object.values(tally.requests).reduce((sum, count) => sum + count, 0);
  const perSecond = (count: number) => round((count * 1000) / Math.max(ms, 0.001));
  return {
    seed: plan.seed,
    clients: plan.clients,
    ms: round(ms),
    boots: { asked, completed, failed, unfinished: asked - completed - failed },
    requests: { ...tally.requests },
    bytes: tally.bytes,
    megabytesPerSecond: perSecond(tally.bytes / 1e6),
    requestsPerSecond: perSecond(requests),
    bootMs: tally.bootMs,
    transferMs: tally.transferMs,
    firstByteMs: tally.firstByteMs,
    sentAgain: tally.sentAgain,
    receivedAgain: tally.receivedAgain,
    faults: { ...faults.counts },
    failures: Object.fromEntries([...tally.failures].sort((a, b) => b[1] - a[1])),
    failedProfiles: Object.fromEntries(tally.failedProfiles),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
