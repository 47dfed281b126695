/**
 * A file on its way from a server to this client. It knows the order of things; blocks, windows and back-pressure are the
 * {@link Receiver}'s.
 */
import { ErrorCode } from '../protocol/error.ts';
import type { Flow } from '../protocol/flow.ts';
import { Opcode } from '../protocol/packet.ts';
import { Receiver } from '../protocol/receiver.ts';
import type { ClientAgreement } from './options.ts';
import { type ClientHost, ClientTransfer, payloadOf } from './transfer.ts';

export interface DownloadHost extends ClientHost {
  /** Takes over received bytes, in order: report them by `written`. `last` comes exactly once. May not call back at once. */
  deliver(bytes: Uint8Array, last: boolean): void;
}

export class DownloadTransfer extends ClientTransfer<DownloadHost> {
  protected readonly opcode = Opcode.rrq;
  #receiver: Receiver | undefined;

  /** This many delivered bytes are written; `stored`: all of them, for good, and the last ACK may go. */
  written(bytes: number, stored: boolean, now: number): void {
    if (this.phase !== 'open' || !this.#receiver) return;
    const serverWaited = this.#receiver.waitingForUs;
    this.#receiver.written(bytes, now);
    if (stored) {
      this.#receiver.finish(now);
      return this.complete(now, this.request.limits.dallyMs);
    }
    // The server was silent because we were: its time starts now.
    if (serverWaited && !this.#receiver.waitingForUs) this.progress(now);
  }

  protected begins(opcode: number, block: number): boolean {
    return opcode === Opcode.data && block === 1;
  }

  protected open(agreement: ClientAgreement, byOack: boolean, now: number): Flow {
    const deliver = (bytes: Uint8Array, last: boolean) => this.host.deliver(bytes, last);
    this.#receiver = new Receiver(this.route!, agreement, this.watchdog.roundTrip, deliver);
    if (byOack) this.#receiver.start(now);
    return this.#receiver;
  }

  protected take(opcode: number, block: number, datagram: Uint8Array, now: number): void {
    const receiver = this.#receiver!;
    if (opcode === Opcode.oack) {
      // Our ACK 0 was lost. Once DATA has come, it is only a late copy.
      if (receiver.untouched) receiver.repeatAck(now);
    } else if (opcode === Opcode.data) {
      const payload = payloadOf(datagram);
      if (payload.length > this.agreement!.blockSize && this.phase === 'open') {
        const message = `a block of ${payload.length} bytes, but ${this.agreement!.blockSize} were negotiated`;
        return this.fail({ kind: 'protocol', code: undefined, message }, now, ErrorCode.illegalOperation);
      }
      if (receiver.data(block, payload, now)) this.progress(now);
    }
  }
}
