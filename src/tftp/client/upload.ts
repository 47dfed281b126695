/**
 * A file on its way from this client to a server. It knows the order of things; blocks and windows are the {@link Sender}'s.
 */

import { SEGMENT_BYTES } from '../../base/segment.ts';
import type { Flow } from '../protocol/flow.ts';
import { Opcode } from '../protocol/packet.ts';
import { Segments } from '../protocol/segments.ts';
import { Sender } from '../protocol/sender.ts';
import type { ClientAgreement } from './options.ts';
import { type ClientHost, type ClientRequest, ClientTransfer } from './transfer.ts';

export interface UploadHost extends ClientHost {
  /** The source's segment `index` is wanted: `supply` it, but not at once. Each is asked for once, in order. */
  need(index: number): void;
}

/** The source is read this far ahead of what the window can need. */
const READ_AHEAD_BYTES = 2 * SEGMENT_BYTES;

export class UploadTransfer extends ClientTransfer<UploadHost> {
  protected readonly opcode = Opcode.wrq;
  readonly #segments: Segments;
  #sender: Sender | undefined;

  /** @param size bytes in all, `undefined` if not known yet */
  constructor(request: ClientRequest, host: UploadHost, size: number | undefined) {
    super(request, host);
    this.#segments = new Segments(size);
  }

  override start(now: number): void {
    super.start(now);
    this.#readAhead();
  }

  /** A segment that was asked for by `need`; `last` if the source ends with it. */
  supply(index: number, bytes: Uint8Array, last: boolean, now: number): void {
    if (this.phase !== 'asking' && this.phase !== 'open') return;
    this.#segments.supply(index, bytes, last);
    if (!this.#sender) return;
    const serverWaited = this.#sender.waitingForUs;
    if (!this.#sender.pump(now)) return;
    // The server was silent because we were: its time starts now.
    if (serverWaited) this.progress(now);
    else this.awaitServer(now);
  }

  protected begins(opcode: number, block: number): boolean {
    return opcode === Opcode.ack && block === 0;
  }

  protected open(agreement: ClientAgreement, _byOack: boolean, now: number): Flow {
    this.#sender = new Sender(this.route!, agreement, this.#segments, this.watchdog.roundTrip);
    this.#sender.pump(now);
    this.#readAhead();
    return this.#sender;
  }

  protected take(opcode: number, block: number, _datagram: Uint8Array, now: number): void {
    const sender = this.#sender!;
    if (opcode !== Opcode.ack || this.phase !== 'open') return;
    const progress = sender.ack(block, now);
    if (sender.done) return this.complete(now, 0);
    const sent = sender.pump(now);
    this.#readAhead();
    if (progress) this.progress(now);
    else if (sent) this.awaitServer(now);
  }

  #readAhead(): void {
    const horizon = (this.#sender?.horizon ?? 0) + READ_AHEAD_BYTES;
    for (let index = this.#segments.wanted(horizon); index >= 0; index = this.#segments.wanted(horizon)) this.host.need(index);
  }
}
