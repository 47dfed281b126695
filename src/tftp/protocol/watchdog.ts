/**
 * When a transfer wakes, and why: the rules of retrying and giving up, the same for a server and a client.
 *
 *     answer      the control plane has not answered the request
 *     unproven    the peer has never answered, so it may not exist
 *     retransmit  the peer's next packet is overdue
 *     resume      the rest of a window was held back, and may go now
 *     content     the content or the sink is awaited, which takes long
 *     idle        the peer has been silent for as long as it may be
 *     linger      the transfer is over, and late packets of it are no longer expected
 *
 * The watchdog decides; the transfer does what is due, by a `switch` over the reason.
 */
import type { Flow } from './flow.ts';
import { RoundTrip } from './rtt.ts';

export type WakeReason = 'answer' | 'unproven' | 'retransmit' | 'resume' | 'content' | 'idle' | 'linger';

/** Bounds of one transfer, in milliseconds. */
export interface WatchdogLimits {
  /** Retransmissions without progress; after them it only waits. */
  readonly retries: number;
  /** Without progress for this long, it fails. */
  readonly idleMs: number;
  /** Bounds of the retransmission timeout; a negotiated `timeout` takes the place of the upper one. */
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** What differs between a server and a client, and between the directions, in milliseconds. */
export interface WatchdogRules {
  /** The timeout is never shorter, unless `maxTimeoutMs` is. */
  readonly minWaitMs: number;
  /** The peer's last ACK is waited for no longer than this. */
  readonly lastAckMs: number;
  /** The content or the sink has at least this long, and at least twice `idleMs`. */
  readonly contentMs: number;
}

/** A server that sends. */
export const READ_RULES: WatchdogRules = {
  minWaitMs: 0,
  /** Firmware that runs what it has loaded often owes it. */
  lastAckMs: 5_000,
  /** Contents and sinks of plugins have a shorter limit, `idleMs`; this one bounds a disk, or a file server, that hangs. */
  contentMs: 300_000,
};

/** A server that receives. A client may read its file, or write its flash, between two DATA, and some send DATA twice for an ACK that comes twice. */
export const WRITE_RULES: WatchdogRules = { ...READ_RULES, minWaitMs: 250 };

/** A client. Its caller's content has all the time it needs. */
export const CLIENT_RULES: WatchdogRules = {
  minWaitMs: 0,
  lastAckMs: Number.POSITIVE_INFINITY,
  contentMs: Number.POSITIVE_INFINITY,
};

/** Before the answer. Only {@link Watchdog.begin} has anything to measure. */
const NO_LIMITS: WatchdogLimits = { retries: 0, idleMs: 0, minTimeoutMs: 0, maxTimeoutMs: 0 };
const UNMEASURED = new RoundTrip(0, 0);

export class Watchdog {
  /** Why it wakes at {@link deadline}. */
  reason: WakeReason = 'answer';
  /** `Infinity` while nothing is waited for. */
  deadline = Number.POSITIVE_INFINITY;
  /** When the peer last moved things forward. */
  progressAt: number;
  roundTrip = UNMEASURED;
  readonly #rules: WatchdogRules;
  readonly #chance: { random(): number };
  #limits = NO_LIMITS;

  /** @param chance uniform in [0, 1): spreads retransmissions, so that peers do not repeat themselves in step */
  constructor(rules: WatchdogRules, chance: { random(): number }, now: number) {
    this.#rules = rules;
    this.#chance = chance;
    this.progressAt = now;
  }

  /** @param timeoutMs the negotiated `timeout` (RFC 2349), if there is one: a promise that is kept */
  begin(limits: WatchdogLimits, timeoutMs?: number): void {
    this.#limits = limits;
    this.roundTrip = new RoundTrip(limits.minTimeoutMs, timeoutMs ?? limits.maxTimeoutMs);
  }

  /** Wakes the transfer at this time, and not before. */
  wake(reason: WakeReason, deadline: number): void {
    this.reason = reason;
    this.deadline = deadline;
  }

  /** Wakes the transfer when the peer's next packet is overdue, or when it has more to send itself. */
  awaitPeer(flow: Flow, now: number): void {
    const { retries, idleMs } = this.#limits;
    if (flow.resumeAt < Number.POSITIVE_INFINITY) return this.wake('resume', flow.resumeAt);
    if (flow.waitingForUs) return this.wake('content', now + Math.max(this.#rules.contentMs, 2 * idleMs));
    const giveUpAt = this.#giveUpAt(flow);
    if (flow.attempts >= retries) return this.wake('idle', giveUpAt);
    // Never longer, since a negotiated `timeout` is a promise.
    const jitter = flow.attempts === 0 ? 1 : 1 - this.#chance.random() / 4;
    const waitMs = Math.max(Math.min(this.#rules.minWaitMs, this.#limits.maxTimeoutMs), this.roundTrip.timeout);
    this.wake('retransmit', Math.min(giveUpAt, now + waitMs * jitter));
  }

  /**
   * What is due now that the deadline has passed; `undefined` if nothing is.
   * @param graceUntil no peer is blamed for its silence until then: the driver has stalled, and answers may still be on their way
   */
  due(flow: Flow, now: number, graceUntil: number): WakeReason | undefined {
    const { reason } = this;
    if (now < graceUntil && reason !== 'resume' && reason !== 'linger') {
      this.deadline = graceUntil;
      return undefined;
    }
    return (reason === 'retransmit' || reason === 'resume') && now >= this.#giveUpAt(flow) ? 'idle' : reason;
  }

  /** A timeout: the next one is longer (RFC 6298 §5.5), and what the peer has not answered is sent again. */
  retry(flow: Flow, now: number): void {
    this.roundTrip.backOff();
    flow.retry(now);
  }

  /** A silent peer is given up then. */
  #giveUpAt(flow: Flow): number {
    const { idleMs } = this.#limits;
    return this.progressAt + (flow.onlyLastAckMissing ? Math.min(this.#rules.lastAckMs, idleMs) : idleMs);
  }
}
