/**
 * The half of a transfer that takes DATA and sends ACKs (RFC 1350 §4, RFC 7440), on either side of the wire: a server's write
 * transfer and a client's read transfer. It knows blocks, the window and when to acknowledge; nothing of requests, options or
 * of what becomes of the bytes.
 *
 * Back-pressure: while more than {@link BACKLOG_BYTES} that were handed out have not been reported as written, no ACK goes
 * out, and so the sender waits. The last ACK is always withheld until {@link Receiver.finish}: an acknowledged file is a stored one.
 */
import { fromWire, type Rollover, toWire } from './block.ts';
import type { Flow } from './flow.ts';
import type { Route } from './outbox.ts';
import { Opcode, writeHeader } from './packet.ts';
import type { RoundTrip } from './rtt.ts';

export interface ReceiverSettings {
  readonly blockSize: number;
  readonly windowSize: number;
  readonly rollover: Rollover;
}

/** Bytes collected before they are handed out. */
const CHUNK_BYTES = 65536;
/** Bytes handed out and not yet written at which acknowledging stops. */
const BACKLOG_BYTES = 4 * CHUNK_BYTES;

const ackBytes = new Uint8Array(4);

export class Receiver implements Flow {
  readonly #route: Route;
  readonly #roundTrip: RoundTrip;
  readonly #settings: ReceiverSettings;
  readonly #deliver: (bytes: Uint8Array, last: boolean) => void;
  /** Every block up to this one has come. */
  #received = 0;
  /** The last block acknowledged; the window begins behind it. */
  #acknowledged = 0;
  /** The gap that was reported, by the block before it. */
  #reportedGap = -1;
  #chunk: Uint8Array;
  #filled = 0;
  /** Bytes delivered and not yet written. */
  #unwritten = 0;
  #ackWithheld = false;
  #lastReceived = false;
  #timedAt: number | undefined;
  /** When the last block in order came. */
  #receivedAt = 0;
  /** When the last ACK was sent, first or repeated. */
  #ackedAt = 0;
  /** The last block was acknowledged. */
  done = false;
  /** Time-outs since the last progress. */
  attempts = 0;
  /** ACKs sent more than once. */
  repeats = 0;
  /** Payload bytes received, in order. */
  bytes = 0;

  /** @param deliver takes over the bytes; `last` comes exactly once, with the last of them (perhaps none) */
  constructor(
    route: Route,
    settings: ReceiverSettings,
    roundTrip: RoundTrip,
    deliver: (bytes: Uint8Array, last: boolean) => void,
  ) {
    this.#route = route;
    this.#settings = settings;
    this.#roundTrip = roundTrip;
    this.#deliver = deliver;
    this.#chunk = new Uint8Array(Math.max(CHUNK_BYTES, settings.blockSize));
  }

  /** An ACK is owed to the client that only `written` or `finish` can release: the peer is not to blame for the silence. */
  get waitingForUs(): boolean {
    return this.#ackWithheld;
  }

  /** Known with the last block only. */
  get size(): undefined {
    return undefined;
  }

  /** It is the sender that waits for an ACK at the end. */
  get onlyLastAckMissing(): boolean {
    return false;
  }

  get peerMayBeDone(): boolean {
    return false;
  }

  /** Nothing is ever held back. */
  get resumeAt(): number {
    return Number.POSITIVE_INFINITY;
  }

  resume(): void {}

  /** Sends ACK 0: a client's answer to an OACK. */
  start(now: number): void {
    this.#sendAck(now);
  }

  /** No block has come yet. */
  get untouched(): boolean {
    return this.#received === 0;
  }

  /** Takes a DATA packet. Returns whether it was the next one. */
  data(wire: number, payload: Uint8Array, now: number): boolean {
    const { blockSize, windowSize, rollover } = this.#settings;
    const expected = this.#received + 1;
    if (payload.length > blockSize) return false;
    // While an ACK is withheld the window is closed: a sender that ignores this must not make us buffer without bound.
    if (wire !== toWire(expected, rollover) || this.#lastReceived || this.#ackWithheld) {
      this.#outOfOrder(wire, now);
      return false;
    }
    if (this.#timedAt !== undefined) {
      this.#roundTrip.sample(now - this.#timedAt);
      this.#timedAt = undefined;
    }
    this.#received = expected;
    this.#receivedAt = now;
    this.attempts = 0;
    this.bytes += payload.length;
    this.#lastReceived = payload.length < blockSize;
    this.#collect(payload);
    if (this.#lastReceived) this.#ackWithheld = true;
    else if (this.#received - this.#acknowledged >= windowSize) this.#acknowledge(now);
    return true;
  }

  /** `count` bytes that were delivered have been written. */
  written(count: number, now: number): void {
    this.#unwritten -= count;
    if (this.#ackWithheld && !this.#lastReceived) this.#acknowledge(now);
  }

  /** Everything is stored: the last ACK may go. */
  finish(now: number): void {
    this.#ackWithheld = false;
    this.done = true;
    this.#sendAck(now);
  }

  /** The timer, one attempt more. */
  retry(now: number): void {
    this.attempts++;
    this.repeatAck(now);
  }

  /** Tells the sender, which does not know or missed it, how far the blocks came. The window begins again there. */
  repeatAck(now: number): void {
    if (this.#ackWithheld) return;
    this.repeats++;
    this.#timedAt = undefined;
    this.#writeAck(now);
  }

  #outOfOrder(wire: number, now: number): void {
    const { windowSize, rollover } = this.#settings;
    if (this.#ackWithheld) return;
    const block = fromWire(wire, this.#received + 1, rollover);
    const ahead = block >= 0 && !this.#lastReceived && block - this.#received <= windowSize;
    if (ahead) {
      // RFC 7440 §4: report the last block in order, once per gap, and let the window begin again behind it.
      if (windowSize === 1 || this.#reportedGap === this.#received) return;
      this.#reportedGap = this.#received;
      this.repeatAck(now);
      return;
    }
    // A block once more, of as many as may be in flight: our ACK was lost (RFC 1350 §2), or the sender asks how far they came.
    const again = fromWire(wire, Math.max(1, this.#received - windowSize + 1), rollover);
    if (again < 0 || again > this.#received) return;
    // It may also have come twice. At window 1, atftp and curl send DATA again for each ACK that comes twice: answering within one RTT
    // would start an endless duplicate-ACK / duplicate-DATA exchange. In a window, half of that time tells a sender's timer from an echo.
    const { timeout } = this.#roundTrip;
    const minMs = windowSize > 1 ? timeout / 2 : this.done ? 0 : timeout;
    if (now - Math.max(this.#ackedAt, this.#receivedAt) >= minMs) this.repeatAck(now);
  }

  #collect(payload: Uint8Array): void {
    if (this.#filled + payload.length > this.#chunk.length) this.#flush(false);
    this.#chunk.set(payload, this.#filled);
    this.#filled += payload.length;
    if (this.#lastReceived) this.#flush(true);
  }

  #flush(last: boolean): void {
    const bytes = this.#chunk.subarray(0, this.#filled);
    this.#chunk = last ? new Uint8Array(0) : new Uint8Array(this.#chunk.length);
    this.#filled = 0;
    this.#unwritten += bytes.length;
    this.#deliver(bytes, last);
  }

  #acknowledge(now: number): void {
    this.#ackWithheld = this.#unwritten > BACKLOG_BYTES;
    if (!this.#ackWithheld) this.#sendAck(now);
  }

  #sendAck(now: number): void {
    this.#timedAt = now;
    this.#writeAck(now);
  }

  #writeAck(now: number): void {
    this.#ackedAt = now;
    this.#acknowledged = this.#received;
    writeHeader(ackBytes, Opcode.ack, toWire(this.#received, this.#settings.rollover));
    this.#route.outbox.send(this.#route.from, this.#route.to, ackBytes);
  }
}
