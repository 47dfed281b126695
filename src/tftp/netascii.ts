/**
 * Content and Sink of a netascii transfer, put around those of the file itself. The translated size is not known until the end.
 */

import { SEGMENT_BYTES } from '../base/segment.ts';
import type { Content, Sink } from '../content/content.ts';
import { encodeNetascii, NetasciiDecoder } from './protocol/netascii.ts';

/** The content translated, to be read in order. What was read last can be read again; to go further back starts over. */
export function netasciiContent(content: Content): Content {
  return new NetasciiContent(content);
}

/** Takes netascii, stores local text, of which a piece of netascii may have none. */
export function netasciiSink(sink: Sink): Sink {
  const decoder = new NetasciiDecoder();
  const write = (local: Uint8Array) => (local.length > 0 ? sink.write(local) : undefined);
  return {
    write: (bytes) => write(decoder.decode(bytes)),
    async commit() {
      await write(decoder.end());
      await sink.commit();
    },
    abort: () => sink.abort(),
  };
}

class NetasciiContent implements Content {
  readonly size = undefined;
  readonly #content: Content;
  /** Bytes of the content translated so far. */
  #position = 0;
  /** Translated bytes from `#start` on, which is where the last read began: at most those of one read and one segment. */
  #held: Uint8Array = new Uint8Array(0);
  #start = 0;
  #ended = false;
  /** Reads one after the other: two that overlap would both move the translation on. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(content: Content) {
    this.#content = content;
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    const read = this.#queue.then(() => this.#read(offset, length));
    this.#queue = read.catch(() => {});
    return read;
  }

  close(): void | Promise<void> {
    return this.#content.close();
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < this.#start) this.#startOver();
    this.#release(offset);
    while (!this.#ended && this.#start + this.#held.length < offset + length) {
      await this.#translate();
      // On the way to an offset further on nothing need be held.
      if (this.#start + this.#held.length <= offset) this.#release(offset);
    }
    return this.#held.subarray(offset - this.#start, offset - this.#start + length);
  }

  async #translate(): Promise<void> {
    const bytes = await this.#content.read(this.#position, SEGMENT_BYTES);
    this.#position += bytes.length;
    if (bytes.length < SEGMENT_BYTES) this.#ended = true;
    const encoded = encodeNetascii(bytes);
    const joined = new Uint8Array(this.#held.length + encoded.length);
    joined.set(this.#held);
    joined.set(encoded, this.#held.length);
    this.#held = joined;
  }

  #release(below: number): void {
    const drop = Math.min(below - this.#start, this.#held.length);
    if (drop <= 0) return;
    this.#held = this.#held.subarray(drop);
    this.#start += drop;
  }

  #startOver(): void {
    this.#position = this.#start = 0;
    this.#held = new Uint8Array(0);
    this.#ended = false;
  }
}
