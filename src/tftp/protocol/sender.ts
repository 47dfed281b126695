/**
 * The half of a transfer that sends DATA and takes ACKs (RFC 1350 §4, RFC 7440), on either side of the wire: a server's read
 * transfer and a client's write transfer. It knows blocks, the window and retransmission; nothing of requests or options.
 *
 * Blocks `acked + 1 … next - 1` are in flight. The rules, and the clients that need them:
 *
 *  - a block is sent a second time only from the timer, with the answer to the timer's question, or once for a gap that an
 *    ACK inside the window reports;
 *  - the timer asks by a single block, and the rest waits for the answer: all of it again would overflow a small socket as the
 *    first time did, and a peer that never asked (its address was forged) would get it a dozen times. It asks by the first block
 *    and by the last one in turn: a peer that has the first answers how far it came, one that lacks some before the last reports
 *    a gap. Only the first timeout sends the whole flight, to a peer that has reported a gap, or that has the end of the file;
 *  - at window 1 no ACK ever triggers a second DATA (RFC 1123 §4.2.3.1, the Sorcerer's Apprentice);
 *  - after going back, ACKs that were on their way say the same again, and EDK2 sends one for every block that it holds
 *    already, which looks like gap after gap. So until the flight sent again is acknowledged, one more gap is believed, if it
 *    is another one and its ACK comes late enough to be an answer; then, only the timer sends again. And since EDK2 ends a window
 *    where it would have ended without the gap, an ACK of the last block of that flight reports none;
 *  - a window goes out in bursts of {@link MIN_BURST_BYTES} and more, as it may be larger than what the peer's socket can hold.
 *    Each loss halves the burst, each window that arrives whole doubles it again; the next burst follows {@link PAUSE_MS} later.
 *    In slow start it follows only the peer's answer, which doubles it: ACK 0 can be forged, and then it opens no more than a
 *    burst. Within a window a receiver is silent, unless a block is missing: a block out of order behind the burst makes it
 *    report how far it came (RFC 7440 §4), as EDK2, U-Boot and atftp do. One that does not is heard when its own timer sends.
 */

import { emptySlices } from '../../base/segment.ts';
import { fromWire, type Rollover, toWire } from './block.ts';
import type { Flow } from './flow.ts';
import type { Route } from './outbox.ts';
import type { RoundTrip } from './rtt.ts';
import type { Segments } from './segments.ts';

/** How a sender may send; agreed before it starts. */
export interface SenderSettings {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly rollover: Rollover;
  /** The peer may never have asked: the first window grows from a small burst, with each answer. */
  readonly slowStart?: boolean;
}

/** Maximum retransmissions of a flight triggered by gaps, not counting the timer's. */
const MAX_GAP_RESENDS = 2;

/** On a fast link the ACKs of one burst come up to this far apart. */
const MIN_ECHO_MS = 1;

/** Any socket holds this much. */
const MIN_BURST_BYTES = 32_768;
/** Between two bursts of one window. */
const PAUSE_MS = 1;

const slices = emptySlices();

export class Sender implements Flow {
  readonly segments: Segments;
  readonly #route: Route;
  readonly #roundTrip: RoundTrip;
  readonly #settings: SenderSettings;
  /** Every block up to this one is acknowledged. */
  #acked = 0;
  /** The block to send next. */
  #next = 1;
  /** The highest block ever sent. */
  #high = 0;
  /** The last block, once known. */
  #last: number | undefined;
  /** Going back ends when this block is acknowledged. */
  #recoverUntil = 0;
  #wentBackAt = 0;
  /** How often that flight was sent again for a gap, since the timer last did or it was last acknowledged. */
  #gapResends = 0;
  /** The acknowledged block for which the flight was sent again already. */
  #wentBackFor = -1;
  /** An ACK came from the middle of this flight and it was not sent again: the peer reported a gap, or it was an echo. */
  #gapReported = false;
  /** A single block was sent as a question: the rest waits for the answer. */
  #asking = false;
  /** Bursts of the first window wait for an answer each. */
  #slow: boolean;
  /** What came next when such an answer was last asked for: ACKs that bring nothing new must not ask again. */
  #provokedAt = 0;
  /** The block whose round trip is being measured, 0 if none. */
  #timed = 0;
  #timedAt = 0;
  /** Blocks that go out at a time. */
  #burst: number;
  /** When the rest of the window may follow; `Infinity` if nothing was held back. */
  resumeAt = Number.POSITIVE_INFINITY;
  /** The content did not have what the window allows. */
  #starved = false;
  /** Time-outs since the last progress. */
  attempts = 0;
  /** Blocks sent more than once. */
  repeats = 0;

  constructor(route: Route, settings: SenderSettings, segments: Segments, roundTrip: RoundTrip) {
    this.#route = route;
    this.#settings = settings;
    this.#burst = settings.slowStart ? minBurst(settings) : settings.windowSize;
    this.#slow = this.#burst < settings.windowSize;
    this.segments = segments;
    this.#roundTrip = roundTrip;
  }

  /** Every block has been acknowledged, the last one too. */
  get done(): boolean {
    return this.#acked === this.#last;
  }

  /** Every block has been sent, the last one too. */
  get peerMayBeDone(): boolean {
    return this.#last !== undefined && this.#high === this.#last;
  }

  /** Every block but the last has been acknowledged, and that one was sent. */
  get onlyLastAckMissing(): boolean {
    return this.peerMayBeDone && this.#acked === this.#last! - 1;
  }

  /**
   * The content is being waited for, not the peer: nothing is in flight, or only the start of a window, which the peer need not
   * acknowledge before it has the rest (RFC 7440 §4). A timer makes no sense.
   */
  get waitingForUs(): boolean {
    return this.#starved || !this.inFlight;
  }

  get size(): number | undefined {
    return this.segments.size;
  }

  get inFlight(): boolean {
    return this.#next > this.#acked + 1 || this.#asking;
  }

  get bytes(): number {
    const bytes = this.#acked * this.#settings.blockSize;
    return this.segments.size === undefined ? bytes : Math.min(bytes, this.segments.size);
  }

  /** Content offset up to which bytes may be needed before the next ACK. */
  get horizon(): number {
    return (this.#acked + this.#settings.windowSize) * this.#settings.blockSize;
  }

  /** Sends what the window allows and the content has. Returns whether anything was sent. */
  pump(now: number): boolean {
    if (this.#asking || (this.resumeAt < Number.POSITIVE_INFINITY && now < this.resumeAt)) return false;
    this.resumeAt = Number.POSITIVE_INFINITY;
    this.#starved = false;
    const { windowSize } = this.#settings;
    // Not beyond the first window: some receivers end it where it would have ended without a question.
    const limit = this.#slow ? Math.min(this.#acked + this.#burst, windowSize) : this.#acked + windowSize;
    const first = this.#next;
    while (this.#next <= limit && (this.#last === undefined || this.#next <= this.#last)) {
      if (this.#next - first === this.#burst) {
        this.resumeAt = now + PAUSE_MS;
        break;
      }
      if (!this.#send(this.#next, now)) break;
      this.#next++;
    }
    if (this.#slow && this.#next > limit && this.#next !== this.#provokedAt) this.#provoke(now);
    return this.#next > first || this.#asking;
  }

  resume(now: number): void {
    this.pump(now);
  }

  /** Takes an ACK. Returns whether it acknowledged something new. */
  ack(wire: number, now: number): boolean {
    const block = fromWire(wire, this.#acked, this.#settings.rollover);
    // Beyond what was ever sent: an ACK from before, or of a block to come. Both happen; neither says anything.
    if (block < 0 || block > this.#high) return false;
    const answered = this.#asking;
    this.#asking = false;
    // What is beyond the flight that was sent again was sent once.
    const recovering = this.#acked < this.#recoverUntil && block <= this.#recoverUntil;
    if (!recovering) this.#gapResends = 0;
    const believed = !recovering || (this.#gapResends < MAX_GAP_RESENDS && now - this.#wentBackAt >= this.#echoMs());
    const whole = !recovering && block > this.#acked && block === this.#next - 1;
    if (this.#slow ? answered : whole) this.#burst = Math.min(this.#burst * 2, this.#settings.windowSize);
    if (block === this.#acked) {
      if (this.#settings.windowSize > 1 && this.inFlight) {
        this.#gapReported = true;
        if (believed && this.#wentBackFor !== block) this.#goBack(now);
      }
      return false;
    }
    if (this.#timed !== 0 && block >= this.#timed) {
      this.#roundTrip.sample(now - this.#timedAt);
      this.#timed = 0;
    }
    // After a timeout, an ACK within the flight reports a loss; an ACK of the whole flight may have been on its way for longer than we waited.
    if (this.attempts === 0 || block < this.#recoverUntil) this.#roundTrip.relax();
    this.#acked = block;
    this.attempts = 0;
    this.resumeAt = Number.POSITIVE_INFINITY;
    this.segments.release(block * this.#settings.blockSize);
    if (block >= this.#settings.windowSize) this.#slow = false;
    if (this.#next <= block) this.#next = block + 1;
    this.#gapReported = block < this.#next - 1;
    if (this.#gapReported && block !== this.#recoverUntil && believed) this.#goBack(now);
    else if (recovering || answered) this.#wentBackFor = block;
    return true;
  }

  /** The timer, one attempt more: asks by a single block how far the flight came, or sends all of it again. */
  retry(now: number): void {
    this.attempts++;
    this.#gapResends = 0;
    // The answer measures how long we waited, not the path.
    this.#timed = 0;
    // A receiver that already has the last block may be closing, and would only acknowledge that block.
    const all = this.attempts === 1 && (this.#gapReported || this.peerMayBeDone);
    this.#goBack(now);
    this.#asking = false;
    if (all) {
      this.pump(now);
      return;
    }
    // In slow start the last block of a burst may be no gap: the one that was asked with is, unless the file ends before it.
    const far = this.#slow && this.#last === undefined ? this.#recoverUntil + 2 : this.#recoverUntil;
    if (this.attempts % 2 === 0 && far > this.#next) this.#send(far, now);
    else if (this.#send(this.#next, now)) this.#next++;
    this.#asking = true;
  }

  /** An answer to what was sent less than this ago is not to be expected. Half a round trip: a gap is reported before the window ends. */
  #echoMs(): number {
    return Math.max(MIN_ECHO_MS, (this.#roundTrip.smoothed ?? Number.POSITIVE_INFINITY) / 2);
  }

  /** The next `pump` starts again behind the last acknowledged block (RFC 7440 §4). */
  #goBack(now: number): void {
    this.#gapReported = false;
    this.#wentBackFor = this.#acked;
    this.#wentBackAt = now;
    this.#gapResends++;
    this.#recoverUntil = Math.max(this.#recoverUntil, this.#next - 1);
    this.#next = this.#acked + 1;
    this.#provokedAt = 0;
    this.resumeAt = Number.POSITIVE_INFINITY;
    if (!this.#slow) this.#burst = Math.max(minBurst(this.#settings), this.#burst >> 1);
  }

  /** Makes the peer report how far it came, by a block out of order: the one after the next. */
  #provoke(now: number): void {
    const { blockSize } = this.#settings;
    const length = this.segments.slice(this.#next * blockSize, blockSize, slices);
    if (length === blockSize) {
      this.#asking = this.#send(this.#next + 1, now);
      this.#provokedAt = this.#next;
    } else if (length < 0) this.#starved = true;
    else {
      // Two blocks at the most are left.
      this.#slow = false;
      this.pump(now);
    }
  }

  /** Sends a block. Returns false, and is starved, if the content does not have it yet. */
  #send(block: number, now: number): boolean {
    const { blockSize, rollover } = this.#settings;
    const length = this.segments.slice((block - 1) * blockSize, blockSize, slices);
    if (length < 0) {
      this.#starved = true;
      // The answer would measure how long the content took.
      this.#timed = 0;
      return false;
    }
    if (length < blockSize) this.#last = block;
    if (block <= this.#high) {
      this.repeats++;
      // Karn's rule: the answer to a block that was sent twice measures nothing.
      if (block === this.#timed) this.#timed = 0;
    } else if (block === this.#high + 1) {
      this.#high = block;
      if (this.#timed === 0) {
        this.#timed = block;
        this.#timedAt = now;
      }
    }
    this.#route.outbox.data(this.#route.from, this.#route.to, toWire(block, rollover), slices);
    return true;
  }
}

/** Blocks that any socket holds. */
function minBurst({ blockSize, windowSize }: SenderSettings): number {
  return Math.min(windowSize, Math.ceil(MIN_BURST_BYTES / blockSize));
}
