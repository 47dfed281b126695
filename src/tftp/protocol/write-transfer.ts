/**
 * A file on its way from a client to the server: OACK or ACK 0 first, then ACKs for windows of DATA. It knows the order of
 * things; blocks, windows and back-pressure are the {@link Receiver}'s.
 */
import type { ServerEndpoint } from './outbox.ts';
import { encode, HEADER_BYTES, Opcode, type Option } from './packet.ts';
import { Receiver } from './receiver.ts';
import type { RequestRecord } from './request-record.ts';
import { Transfer, type TransferLimits } from './transfer.ts';
import type { TransferHost } from './transfer-host.ts';
import { WRITE_RULES } from './watchdog.ts';

/** The control plane's answer to a write request: yes. */
export interface WriteAnswer {
  readonly kind: 'write';
  readonly limits: TransferLimits;
}

const ACK_ZERO = encode({ opcode: Opcode.ack, block: 0 });

export class WriteTransfer extends Transfer {
  #receiver: Receiver | undefined;
  protected readonly unnegotiatedBytes = ACK_ZERO.length;

  constructor(request: RequestRecord, options: readonly Option[], host: TransferHost<Transfer>, answerWithinMs: number) {
    super(request, options, host, answerWithinMs, WRITE_RULES);
  }

  answer({ limits }: WriteAnswer, from: ServerEndpoint, now: number): void {
    const agreement = this.agree({ kind: 'write' }, limits, from, now);
    const store = (bytes: Uint8Array, last: boolean) => this.host.store(this, bytes, last);
    this.#receiver = new Receiver(this.route!, agreement, this.watchdog.roundTrip, store);
    this.begin(this.#receiver, now);
  }

  /** The control plane has written bytes that it was given; `stored` when all of them are, for good. */
  written(bytes: number, stored: boolean, now: number): void {
    if (this.phase !== 'open' || !this.#receiver) return;
    const peerWaited = this.#receiver.waitingForUs;
    this.#receiver.written(bytes, now);
    if (stored) {
      this.#receiver.finish(now);
      return this.end('completed', now);
    }
    if (!peerWaited || this.#receiver.waitingForUs) return;
    // The peer was silent because we were: its time starts now.
    this.progressed(now);
  }

  protected take(opcode: number, block: number, datagram: Uint8Array, now: number): void {
    const receiver = this.#receiver;
    if (opcode !== Opcode.data || !receiver) return;
    // When it is over, the last DATA once more means that our last ACK was lost (RFC 1350 §6).
    if (this.phase === 'over' && !receiver.done) return;
    if (!receiver.data(block, datagram.subarray(HEADER_BYTES), now)) return;
    this.prove(now);
    this.progressed(now);
  }

  protected sendUnnegotiated(): void {
    this.host.outbox.send(this.route!.from, this.route!.to, ACK_ZERO);
  }

  protected release(): void {}
}
