/**
 * Carries bytes between an Engine, which must never wait, and the contents and sinks of its transfers, which may. Also sees
 * each of these to its end: content is closed, a sink committed or aborted, exactly once and after its last read or write.
 */

import { type Awaitable, isLater } from '../../base/awaitable.ts';
import type { Clock } from '../../base/clock.ts';
import { INTERNAL, Refusal } from '../../base/refusal.ts';
import { SEGMENT_BYTES } from '../../base/segment.ts';
import type { Content, Sink } from '../../content/content.ts';
import type { WireError } from '../protocol/error.ts';
import { wireError } from '../protocol/refusal.ts';

/** The Engine's side. */
export interface FeedTarget {
  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void;
  written(id: number, bytes: number, stored: boolean): void;
  refuse(id: number, error: WireError): void;
  /** What was thrown is not a Refusal; the client is told as little as possible. */
  fault(error: unknown, context: { readonly what: string; readonly id: number }): void;
}

/** What one transfer reads from or writes to. */
interface Supply {
  readonly source: { readonly kind: 'read'; readonly content: Content } | { readonly kind: 'write'; readonly sink: Sink };
  /** Content and sink have this long for one call. */
  readonly patienceMs: number;
  /** The calls under way, one after the other; `undefined` if there never was one. */
  work: Promise<void> | undefined;
  over: boolean;
  failed: boolean;
  committed: boolean;
}

export class Feed {
  readonly #target: FeedTarget;
  readonly #clock: Clock;
  readonly #supplies = new Map<number, Supply>();

  constructor(target: FeedTarget, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Transfers that still have a content or sink. */
  get size(): number {
    return this.#supplies.size;
  }

  open(id: number, source: Supply['source'], patienceMs: number): void {
    this.#supplies.set(id, { source, patienceMs, work: undefined, over: false, failed: false, committed: false });
  }

  /** The Engine wants a segment. */
  need(id: number, index: number): void {
    const supply = this.#supplies.get(id);
    if (supply?.source.kind !== 'read') return;
    const { content } = supply.source;
    this.#run(id, supply, 'read', async () => {
      const bytes = await readSegment(content, index);
      if (!supply.over) this.#target.supply(id, index, bytes, bytes.length < SEGMENT_BYTES);
    });
  }

  /** The Engine received bytes. */
  store(id: number, bytes: Uint8Array, last: boolean): void {
    const supply = this.#supplies.get(id);
    if (supply?.source.kind !== 'write') return;
    const { sink } = supply.source;
    this.#run(id, supply, 'write', async () => {
      if (supply.over) return;
      if (bytes.length > 0) await sink.write(bytes);
      if (last && !supply.over) {
        supply.committed = true;
        await sink.commit();
      }
      this.#target.written(id, bytes.length, last);
    });
  }

  /** The transfer has ended; over when its content or sink has, too. */
  end(id: number): Awaitable<void> {
    const supply = this.#supplies.get(id);
    if (!supply || supply.over) return;
    supply.over = true;
    return supply.work ? supply.work.then(() => this.#giveBack(id, supply)) : this.#giveBack(id, supply);
  }

  #giveBack(id: number, supply: Supply): Awaitable<void> {
    const failed = (error: unknown): void => this.#target.fault(error, { what: 'close', id });
    const done = (): void => void this.#supplies.delete(id);
    try {
      const given = giveBack(supply);
      if (isLater(given)) return this.#limited(given, supply.patienceMs).catch(failed).finally(done);
    } catch (error) {
      failed(error);
    }
    done();
  }

  /** Runs after the work before it; a failure ends the transfer. */
  #run(id: number, supply: Supply, what: string, call: () => Promise<void>): void {
    supply.work = (supply.work ?? Promise.resolve()).then(async () => {
      if (supply.over || supply.failed) return;
      try {
        await this.#limited(call(), supply.patienceMs);
      } catch (error) {
        // What has failed once is not asked again, however long the end takes to come.
        supply.failed = true;
        if (error instanceof Refusal) this.#target.refuse(id, wireError(error));
        else {
          this.#target.fault(error, { what, id });
          this.#target.refuse(id, wireError(INTERNAL));
        }
      }
    });
  }

  /** A call that never settles must not keep the transfer, and all that it holds, for ever. */
  #limited(call: PromiseLike<void>, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.setTimeout(() => reject(new Error(`nothing came within ${ms} ms`)), ms);
      Promise.resolve(call).then(resolve, reject).finally(cancel);
    });
  }
}

/** Reads one segment, and holds the content to its contract: it may be a plugin's. */
export function readSegment(content: Content, index: number): Awaitable<Uint8Array> {
  const offset = index * SEGMENT_BYTES;
  const read = content.read(offset, SEGMENT_BYTES);
  return isLater(read) ? Promise.resolve(read).then((bytes) => held(content, offset, bytes)) : held(content, offset, read);
}

function held(content: Content, offset: number, bytes: unknown): Uint8Array {
  if (!(bytes instanceof Uint8Array)) throw new TypeError('read must return a Uint8Array');
  if (bytes.length > SEGMENT_BYTES) throw new RangeError(`read returned ${bytes.length} bytes, ${SEGMENT_BYTES} were asked for`);
  if (bytes.length < SEGMENT_BYTES && content.size !== undefined && offset + bytes.length < content.size) {
    throw new Refusal('unavailable', 'content ended early');
  }
  return bytes;
}

function giveBack({ source, committed }: Supply): Awaitable<void> {
  if (source.kind === 'read') return source.content.close();
  if (!committed) return source.sink.abort();
}
