/**
 * A file on its way from the server to a client: OACK or DATA 1 first, then windows of DATA. It knows the order of things;
 * blocks and windows are the {@link Sender}'s.
 */

import { SEGMENT_BYTES } from '../../base/segment.ts';
import type { ServerEndpoint } from './outbox.ts';
import { HEADER_BYTES, Opcode, type Option } from './packet.ts';
import type { RequestRecord } from './request-record.ts';
import { Segments } from './segments.ts';
import { Sender } from './sender.ts';
import { Transfer, type TransferLimits } from './transfer.ts';
import type { TransferHost } from './transfer-host.ts';
import { READ_RULES } from './watchdog.ts';

/** The control plane's answer to a read request. */
export interface ReadAnswer {
  readonly kind: 'read';
  /** Bytes in all, if known. */
  readonly size: number | undefined;
  /** The first segment of the content. */
  readonly first: Uint8Array;
  /** `need` may ask for it once more. */
  readonly again?: boolean;
  readonly limits: TransferLimits;
}

/** Content is requested this far ahead of what the window can need. */
const READ_AHEAD_BYTES = 2 * SEGMENT_BYTES;

export class ReadTransfer extends Transfer {
  #sender: Sender | undefined;
  /** The content was dropped: it is requested again when the peer has answered. */
  #shed = false;

  constructor(request: RequestRecord, options: readonly Option[], host: TransferHost<Transfer>, answerWithinMs: number) {
    super(request, options, host, answerWithinMs, READ_RULES);
  }

  answer({ size, first, limits }: ReadAnswer, from: ServerEndpoint, now: number): void {
    const segments = new Segments(size, (bytes) => this.host.release(bytes));
    segments.supply(0, first, first.length < SEGMENT_BYTES);
    const agreement = this.agree({ kind: 'read', size: segments.size }, limits, from, now);
    this.#sender = new Sender(this.route!, { ...agreement, slowStart: true }, segments, this.watchdog.roundTrip);
    this.begin(this.#sender, now);
  }

  /** A segment that was asked for by `need`. */
  supply(index: number, bytes: Uint8Array, last: boolean, now: number): void {
    if (this.phase !== 'open' || !this.#sender) return this.host.release(bytes);
    this.#sender.segments.supply(index, bytes, last);
    const peerWaited = this.#sender.waitingForUs;
    if (!this.#sender.pump(now)) return;
    // The peer was silent because we were: its time starts now.
    if (peerWaited) this.progressed(now);
    else this.awaitPeer(now);
  }

  /** Drops the content until the peer has answered, except for a copy of what the first reply may have to repeat. */
  shed(): void {
    this.#shed = true;
    this.#sender?.segments.shrink(this.oack ? 0 : this.agreement!.blockSize);
  }

  protected take(opcode: number, block: number, _datagram: Uint8Array, now: number): void {
    const sender = this.#sender;
    if (opcode !== Opcode.ack || this.phase !== 'open' || !sender) return;
    const answersOack = this.oack !== undefined && !this.proven;
    if (answersOack && block !== 0) return;
    const progress = answersOack || sender.ack(block, now);
    if (progress) {
      this.prove(now);
      this.watchdog.progressAt = now;
      if (sender.done) return this.end('completed', now);
      if (this.#shed) sender.segments.clear();
      this.#shed = false;
    }
    // An ACK that says nothing new must not put the timer off: a client that repeats it would wait for us for ever.
    if (!sender.pump(now) && !progress) return;
    for (let index = this.#wanted(sender); index >= 0; index = this.#wanted(sender)) this.host.need(this, index);
    this.awaitPeer(now);
  }

  protected sendUnnegotiated(now: number): void {
    if (this.#sender?.inFlight) this.#sender.retry(now);
    else this.#sender?.pump(now);
  }

  protected release(): void {
    this.#sender?.segments.clear();
    this.#sender = undefined;
  }

  protected get unnegotiatedBytes(): number {
    const { size } = this.#sender!.segments;
    return HEADER_BYTES + Math.min(this.agreement!.blockSize, size ?? Number.POSITIVE_INFINITY);
  }

  #wanted(sender: Sender): number {
    return sender.segments.wanted(sender.horizon + READ_AHEAD_BYTES);
  }
}
