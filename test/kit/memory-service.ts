/**
 * What a transport has in place of a control plane: requests are answered from memory at once. What is uploaded is kept.
 */
import { SEGMENT_BYTES } from '../../src/base/segment.ts';
import { bytesContent } from '../../src/content/bytes.ts';
import type { Listening } from '../../src/net/listening.ts';
import type { Ending } from '../../src/tftp/protocol/ending.ts';
import type { RequestPacket } from '../../src/tftp/protocol/packet.ts';
import { Opcode } from '../../src/tftp/protocol/packet.ts';
import type { TransferLimits } from '../../src/tftp/protocol/transfer.ts';
import type { DataPlane } from '../../src/tftp/transport/data-plane.ts';
import type { TransportEvents } from '../../src/tftp/transport/transport.ts';
import type { Arrival, TransportExchange } from '../../src/tftp/transport/transport-exchange.ts';
import { join } from './hosts.ts';

export class MemoryService {
  readonly endings: Ending[] = [];
  readonly moved: Listening[] = [];
  readonly faults: unknown[] = [];
  /** By which of the server's addresses each request came. */
  readonly locals: string[] = [];
  readonly stored = new Map<string, Uint8Array>();
  /** Requests for the name `never`: they get no answer but `refuse`. */
  readonly unanswered: MemoryExchange[] = [];
  readonly limits: TransferLimits;
  readonly events: TransportEvents;

  /** @param find what a name stands for; ERROR 1 if nothing */
  constructor(limits: TransferLimits, find: (name: string) => Uint8Array | undefined) {
    this.limits = limits;
    this.events = {
      request: (arrival, plane) => {
        this.locals.push(arrival.local.address);
        return new MemoryExchange(this, arrival, plane, find(arrival.packet.name));
      },
      moved: (listening) => void this.moved.push(listening),
      notice() {},
      fault: (error) => void this.faults.push(error),
    };
  }
}

class MemoryExchange implements TransportExchange {
  readonly transfer: number;
  readonly binding: Arrival['binding'];
  readonly begunMs = performance.now();
  readonly content: TransportExchange['content'];
  readonly first: Uint8Array | undefined;
  readonly limits: TransferLimits;
  borrowed: TransportExchange['borrowed'];
  ended = false;
  readonly #service: MemoryService;
  readonly #packet: RequestPacket;
  readonly #plane: DataPlane;
  readonly #bytes: Uint8Array | undefined;
  readonly #pieces: Uint8Array[] = [];
  readonly #answered = Promise.withResolvers<void>();

  constructor(service: MemoryService, { transfer, binding, packet }: Arrival, plane: DataPlane, bytes: Uint8Array | undefined) {
    this.transfer = transfer;
    this.binding = binding;
    this.limits = service.limits;
    this.content = bytes && bytesContent(bytes);
    this.first = bytes?.subarray(0, SEGMENT_BYTES);
    this.#service = service;
    this.#packet = packet;
    this.#plane = plane;
    this.#bytes = bytes;
  }

  begin(): void {
    if (this.#packet.name === 'never') return void this.#service.unanswered.push(this);
    if (this.#packet.opcode === Opcode.rrq && !this.#bytes) return this.refuse(1, 'file not found');
    this.#plane.answer(this);
    this.#answered.resolve();
  }

  refuse(code: number, message: string): void {
    this.#plane.refuse(this.transfer, { code, message });
    this.#answered.resolve();
  }

  need(index: number): void {
    const bytes = this.#bytes!.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
    queueMicrotask(() => this.#plane.supply(this.transfer, index, bytes, bytes.length < SEGMENT_BYTES));
  }

  store(bytes: Uint8Array, last: boolean): void {
    this.#pieces.push(bytes);
    if (last) this.#service.stored.set(this.#packet.name, join(this.#pieces));
    queueMicrotask(() => this.#plane.written(this.transfer, bytes.length, last));
  }

  over(ending: Ending): Promise<void> {
    this.ended = true;
    this.#service.endings.push(ending);
    return this.#answered.promise;
  }
}
