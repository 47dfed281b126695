/**
 * A file on its way from a client to the server: OACK or ACK 0 first, then ACKs for windows of DATA. It knows the order of
 * things; blocks, windows and back-pressure are the {@link Receiver}'s.
 */
import type { ServerEndpoint } from './outbox.ts';
import { encode, HEADER_BYTES, Opcode } from './packet.ts';
import { Receiver } from './receiver.ts';
import { Transfer, type TransferLimits } from './transfer.ts';

/** The control plane's answer to a write request: yes. */
export interface WriteAnswer {
  readonly kind: 'write';
  readonly limits: TransferLimits;
}

/** A client may read its file, or write its flash, between two DATA, and some send DATA twice for an ACK that comes twice. */
const LEAST_ACK_WAIT_MS = 250;

const ACK_ZERO = encode({ opcode: Opcode.ack, block: 0 });

export class WriteTransfer extends Transfer {
  #receiver: Receiver | undefined;
  protected readonly size = undefined;
  protected readonly onlyLastAckMissing = false;
  readonly peerMayBeDone = false;
  protected readonly unnegotiatedBytes = ACK_ZERO.length;

  answer({ limits }: WriteAnswer, from: ServerEndpoint, now: number): void {
    const agreement = this.settle({ kind: 'write' }, limits, from, now);
    this.#receiver = new Receiver(this.route!, agreement, this.roundTrip, (bytes, last) => this.host.store(this, bytes, last));
    this.phase = 'held';
    this.reply(now);
  }

  /** The control plane has written bytes that it was given; `stored` when all of them are, for good. */
  written(bytes: number, stored: boolean, now: number): void {
    if (this.phase !== 'open' || !this.#receiver) return;
    const peerWaited = this.waitsForUs;
    this.#receiver.written(bytes, now);
    if (stored) {
      this.#receiver.finish(now);
      return this.end('completed', now);
    }
    if (!peerWaited || this.waitsForUs) return;
    // The peer was silent because we were: its time starts now.
    this.progressAt = now;
    this.awaitPeer(now);
  }

  protected take(opcode: number, block: number, datagram: Uint8Array, now: number): void {
    const receiver = this.#receiver;
    if (opcode !== Opcode.data || !receiver) return;
    // When it is over, the last DATA once more means that our last ACK was lost (RFC 1350 §6).
    if (this.phase === 'over' && !receiver.done) return;
    if (!receiver.data(block, datagram.subarray(HEADER_BYTES), now)) return;
    this.prove(now);
    this.progressAt = now;
    this.awaitPeer(now);
  }

  protected retry(now: number): void {
    this.#receiver?.retransmit(now);
  }

  protected override get leastWaitMs(): number {
    return Math.min(LEAST_ACK_WAIT_MS, this.limits.maxTimeoutMs);
  }

  protected readonly resumeAt = Number.POSITIVE_INFINITY;

  protected resume(): void {}

  protected sendUnnegotiated(): void {
    this.host.outbox.send(this.route!.from, this.route!.to, ACK_ZERO);
  }

  protected release(): void {}

  protected get bytes(): number {
    return this.#receiver?.bytes ?? 0;
  }

  protected get retransmissions(): number {
    return this.#receiver?.retransmissions ?? 0;
  }

  protected get attempts(): number {
    return this.#receiver?.attempts ?? 0;
  }

  protected get waitsForUs(): boolean {
    return this.#receiver?.withholding ?? false;
  }
}
