/**
 * A TFTP request: what is found for it goes to the Engine, which asks for segments, or brings bytes, until it tells how the transfer
 * ended.
 */
import { type Awaitable, isLater } from '../base/awaitable.ts';
import { limit } from '../base/limit.ts';
import type { Refusal } from '../base/refusal.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import type { Content, ServerContent, Sink } from '../content/content.ts';
import { readSegment } from '../content/read-segment.ts';
import type { ExchangeError } from '../plugin/types.ts';
import { ContentExchange } from '../service/content-exchange.ts';
import type { Lease } from '../service/generation.ts';
import type { ServiceHost } from '../service/service.ts';
import { limitsOf } from './limits.ts';
import { netasciiContent, netasciiSink } from './netascii.ts';
import type { Ending } from './protocol/ending.ts';
import type { WireError } from './protocol/error.ts';
import { DEFAULT_BLOCK_BYTES } from './protocol/options.ts';
import { describeRefusal, wireError } from './protocol/refusal.ts';
import type { TransferLimits } from './protocol/transfer.ts';
import { optionMap, type Understood } from './request.ts';
import type { TftpSummary } from './summary.ts';
import type { Binding } from './transport/binding.ts';
import type { DataPlane } from './transport/data-plane.ts';
import type { Arrival, Borrowed, TransportExchange } from './transport/transport-exchange.ts';

export class TftpExchange extends ContentExchange implements TransportExchange {
  readonly transfer: number;
  readonly binding: Binding;
  first: Uint8Array | undefined;
  borrowed: Borrowed | undefined;
  readonly #plane: DataPlane;
  readonly #understood: Understood;
  #limits: TransferLimits | undefined;

  constructor(host: ServiceHost, lease: Lease, { transfer, binding }: Arrival, understood: Understood, plane: DataPlane) {
    super(host, lease, understood.request);
    this.transfer = transfer;
    this.binding = binding;
    this.first = undefined;
    this.borrowed = undefined;
    this.#plane = plane;
    this.#understood = understood;
  }

  get content(): ServerContent | undefined {
    return this.feed?.content;
  }

  /** The most that its client is granted. */
  get limits(): TransferLimits {
    this.#limits ??= limitsOf(this.generation.config).transferFor(this.request.client.address);
    return this.#limits;
  }

  get callMs(): number {
    return this.limits.idleMs;
  }

  begin(): void {
    const { refusal, unservable } = this.#understood;
    if (refusal) this.refuse(refusal);
    else this.answer(unservable);
  }

  need(index: number): void {
    const { feed, content, transfer } = this;
    if (!feed || !content) return;
    feed.run('read', async () => {
      const bytes = await readSegment(content, index);
      if (!feed.closed) this.#plane.supply(transfer, index, bytes, bytes.length < SEGMENT_BYTES);
    });
  }

  store(bytes: Uint8Array, last: boolean): void {
    const { feed, transfer } = this;
    const sink = feed?.sink;
    if (!sink) return;
    feed.run('write', async () => {
      if (bytes.length > 0) await sink.write(bytes);
      if (last && !feed.closed) await feed.commit();
      this.#plane.written(transfer, bytes.length, last);
    });
  }

  over({ outcome, bytes, durationMs, error, agreement, rttMs, retransmissions, lastAckMissing }: Ending): Awaitable<void> {
    const { stats } = this.host;
    stats.add('packets.resent', retransmissions);
    if (rttMs !== undefined) stats.observe('round-trip-seconds', rttMs / 1000);
    const tftp: TftpSummary = {
      agreed: optionMap(agreement?.acknowledged ?? []),
      blockSize: agreement?.blockSize ?? DEFAULT_BLOCK_BYTES,
      windowSize: agreement?.windowSize ?? 1,
      rttMs,
      retransmissions,
      lastAckMissing,
    };
    return this.end({ outcome, bytes, durationMs, error: error && errorOf(error), tftp });
  }

  protected override get describe(): typeof describeRefusal {
    return describeRefusal;
  }

  protected override encoded(content: Content): Content {
    return this.#understood.request.tftp.mode === 'netascii' ? netasciiContent(content) : content;
  }

  protected override decoded(sink: Sink): Sink {
    return this.#understood.request.tftp.mode === 'netascii' ? netasciiSink(sink) : sink;
  }

  /** The first reply needs the first segment, unless the plane reads it by itself. */
  protected override prepare(): Awaitable<void> {
    const { content } = this;
    if (content === undefined || (this.#plane.borrows && content.lends)) return;
    const first = readSegment(content, 0);
    if (isLater(first)) return this.#await(first);
    this.first = first;
  }

  protected send(): void {
    this.#plane.answer(this);
    this.first = undefined;
  }

  protected refuse(refusal: Refusal): void {
    this.#plane.refuse(this.transfer, wireError(refusal));
  }

  protected override release(): Awaitable<void> {
    return this.#plane.release(this);
  }

  async #await(first: Promise<Uint8Array>): Promise<void> {
    this.first = await limit(first, { clock: this.clock, ms: this.callMs, signal: this.gone });
  }
}

function errorOf({ code, message, reason, detail: cause }: WireError): ExchangeError {
  return { code, message, ...(reason === undefined ? {} : { reason }), ...(cause === undefined ? {} : { cause }) };
}
