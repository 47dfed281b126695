/**
 * An HTTP request: what is found for it is sent as the answer's body, as fast as the client takes it.
 */
import { type Awaitable, isLater } from '../base/awaitable.ts';
import { limit } from '../base/limit.ts';
import { INTERNAL, type Refusal } from '../base/refusal.ts';
import { SEGMENT_BYTES } from '../base/segment.ts';
import type { Content } from '../content/content.ts';
import { readSegment } from '../content/read-segment.ts';
import type { ExchangeError, Outcome } from '../plugin/types.ts';
import { ContentExchange } from '../service/content-exchange.ts';
import type { Lease } from '../service/generation.ts';
import type { ServiceHost } from '../service/service.ts';
import { type Answer, answerFor, type RequestHeaders } from './protocol/answer.ts';
import { contentType } from './protocol/content-type.ts';
import { describeRefusal, statusOf } from './protocol/status.ts';
import type { Reply } from './reply.ts';
import type { Understood } from './request.ts';
import { validatorsOf } from './validators.ts';

/** Of one connection: which request, and how it is answered. */
export interface Question {
  readonly understood: Understood;
  readonly headers: RequestHeaders;
  readonly reply: Reply;
  /** {@link ContentExchange.callMs} */
  readonly callMs: number;
}

const WHOLE = { start: 0, end: Number.POSITIVE_INFINITY };

export class HttpExchange extends ContentExchange {
  readonly callMs: number;
  readonly #question: Question;
  readonly #onOver: () => void;
  #answer: Answer | undefined;
  /** The next segment, if it has been read. */
  #segment: Uint8Array | undefined;
  #index = 0;
  #sent = 0;
  #status: number | undefined;
  #error: ExchangeError | undefined;
  #outcome: Outcome = 'completed';

  /** @param onOver called when nothing is left of it */
  constructor(host: ServiceHost, lease: Lease, question: Question, onOver: () => void) {
    super(host, lease, question.understood.request);
    this.callMs = question.callMs;
    this.#question = question;
    this.#onOver = onOver;
  }

  begin(): void {
    const { refusal, unservable } = this.#question.understood;
    if (refusal) this.refuse(refusal);
    else this.answer(unservable);
  }

  /** Body bytes that have been handed over to the client's connection. */
  get sent(): number {
    return Math.max(0, this.#sent - this.#question.reply.pendingBytes);
  }

  /** The client has taken all that waited. */
  onDrain(): void {
    if (!this.ended) this.#next();
  }

  /** Breaks the answer off. */
  abort(): void {
    this.#question.reply.abort();
  }

  /** Nothing more is sent. @param isComplete whether all of the answer has been */
  async onClose(isComplete: boolean): Promise<void> {
    if (this.ended) return;
    const outcome = isComplete || this.#outcome !== 'completed' ? this.#outcome : 'aborted';
    const isProbe = outcome === 'completed' && this.#method === 'HEAD';
    await this.end({
      outcome: isProbe ? 'probed' : outcome,
      bytes: this.#status !== undefined && this.#status < 300 ? this.sent : 0,
      durationMs: this.clock.now() - this.begunMs,
      error: this.#error,
      http: { status: this.#status, range: this.#range },
    });
    this.#onOver();
  }

  protected override get describe(): typeof describeRefusal {
    return describeRefusal;
  }

  /** The headers depend on the first bytes where the size is not known, and a first read that fails still has a status of its own. */
  protected override prepare(): Awaitable<void> {
    const content = this.feed!.content!;
    if (content.size !== undefined) return this.#prepareFor(content, content.size);
    return this.#limited(Promise.resolve(readSegment(content, 0))).then((first) => {
      if (first.length < SEGMENT_BYTES) this.#answer = this.#answerFor(content, first.length);
      // Its end is told by closing the connection: firmware does not understand chunks.
      else this.#answer = { status: 200, headers: [['Content-Type', contentType(this.request.name)]], body: WHOLE };
      if (this.#answer.body) this.#index = Math.floor(this.#answer.body.start / SEGMENT_BYTES);
      this.#segment = first;
    });
  }

  protected send(): void {
    const { status, headers, body } = this.#answer!;
    const { reply } = this.#question;
    switch (status) {
      case 412:
        return this.#refuseWith(status, 'the file is another version', headers);
      case 416:
        return this.#refuseWith(status, 'the range is beyond the end of the file', headers);
      case 200:
      case 206:
      case 304:
    }
    this.#countAnswer(status);
    if (body === undefined || this.#method === 'HEAD') return reply.end(status, headers, undefined);
    reply.begin(status, headers, body === WHOLE);
    if (body.end === body.start) reply.finish(undefined);
    else this.#next();
  }

  protected refuse(refusal: Refusal): void {
    const { reason, message, detail } = refusal;
    if (this.ended) return;
    const status = statusOf(refusal);
    const outcome = refusal === INTERNAL || this.#status !== undefined ? 'failed' : 'refused';
    const error = { code: status, message, reason, ...(detail === undefined ? {} : { cause: detail }) };
    // What has begun cannot be answered otherwise any more: the client sees that it is not complete.
    if (this.#status !== undefined) {
      this.#outcome = outcome;
      this.#error = error;
      return this.#question.reply.abort();
    }
    const headers = status === 503 ? [['Retry-After', '1'] as const] : [];
    this.#refuseWith(status, message, headers, outcome, error);
  }

  get #method(): 'GET' | 'HEAD' {
    return this.#question.understood.request.http.method;
  }

  get #range(): string | undefined {
    const { status, body } = this.#answer ?? {};
    return status === 206 && body ? `${body.start}-${body.end - 1}` : undefined;
  }

  #refuseWith(
    status: number,
    message: string,
    headers: Answer['headers'],
    outcome: Outcome = 'refused',
    error: ExchangeError = { code: status, message },
  ): void {
    this.#outcome = outcome;
    this.#error = error;
    this.#countAnswer(status);
    this.#question.reply.text(status, message, headers);
  }

  #countAnswer(status: number): void {
    this.#status = status;
  }

  #answerFor(content: Content, size: number): Answer {
    const { name } = this.request;
    return answerFor(this.#method, this.#question.headers, { name, size, ...validatorsOf(content) });
  }

  #prepareFor(content: Content, size: number): Awaitable<void> {
    const answer = this.#answerFor(content, size);
    this.#answer = answer;
    const { body } = answer;
    if (body === undefined || body.start === body.end) return;
    this.#index = Math.floor(body.start / SEGMENT_BYTES);
    const first = readSegment(content, this.#index);
    if (!isLater(first)) {
      this.#segment = first;
      return;
    }
    return this.#limited(first).then((bytes) => {
      this.#segment = bytes;
    });
  }

  #limited(read: Promise<Uint8Array>): Promise<Uint8Array> {
    return limit(read, { clock: this.clock, ms: this.callMs, signal: this.gone });
  }

  /** Sends until the client has to take something first. */
  #next(): void {
    const segment = this.#segment;
    if (segment !== undefined) {
      this.#segment = undefined;
      if (!this.#write(segment)) return;
    }
    const feed = this.feed!;
    feed.run('read', async () => {
      const read = readSegment(feed.content!, this.#index);
      const bytes = isLater(read) ? await read : read;
      if (!feed.closed && this.#write(bytes)) this.#next();
    });
  }

  /** Whether more is wanted now. */
  #write(segment: Uint8Array): boolean {
    const { start, end } = this.#answer!.body!;
    const offset = this.#index++ * SEGMENT_BYTES;
    const from = Math.max(0, start - offset);
    const part = from === 0 && end >= offset + segment.length ? segment : segment.subarray(from, Math.max(from, end - offset));
    this.#sent += part.length;
    const isLast = offset + SEGMENT_BYTES >= end || segment.length < SEGMENT_BYTES;
    if (!isLast) return this.#question.reply.write(part);
    this.#question.reply.finish(part);
    return false;
  }
}
