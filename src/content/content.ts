/**
 * Content is the bytes of one transfer to a client; a Sink takes the bytes of one transfer from a client.
 * Neither knows who asks, nor anything of packets.
 */

import type { Awaitable } from '../base/awaitable.ts';

/** The bytes of one read transfer. Opened before the first reply goes out, closed exactly once when the transfer has ended. */
export interface Content {
  /** Bytes in all; `undefined` when nobody knows yet, and then no `tsize` is acknowledged (RFC 2349). */
  readonly size: number | undefined;
  /**
   * The bytes from `offset` on: `length` of them, fewer only where the content ends.
   * What is returned is never written to again. A thrown `Refusal` is sent to the client.
   */
  read(offset: number, length: number): Awaitable<Uint8Array>;
  close(): Awaitable<void>;
}

/** Where the bytes of one write transfer go. Exactly one of `commit` and `abort` is called, once, after the last `write`. */
export interface Sink {
  /** Takes the next bytes, in order; what it is given is never written to again. A thrown `Refusal` is sent to the client. */
  write(bytes: Uint8Array): Awaitable<void>;
  /** All bytes have come. The last ACK is sent when this has resolved, so that an acknowledged upload is a stored one. */
  commit(): Awaitable<void>;
  /** The transfer has failed: leave nothing behind. */
  abort(): Awaitable<void>;
}
