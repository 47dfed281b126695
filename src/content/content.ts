/**
 * Content is the bytes of one transfer to a client; a Sink takes the bytes of one transfer from a client. Neither knows the
 * client or packets.
 */

import type { Awaitable } from '../base/awaitable.ts';
import type { FileStat } from './filesystem.ts';

/** The bytes of one read transfer. Opened before the first reply is sent, closed exactly once after the transfer has ended. */
export interface Content {
  /** Total bytes; `undefined` if not known yet, and then `tsize` is not acknowledged (RFC 2349). */
  readonly size: number | undefined;
  /**
   * The bytes from `offset` on: `length` of them, or fewer only at the end of the content. The returned bytes must never be
   * changed. A thrown `Refusal` is sent to the client.
   */
  read(offset: number, length: number): Awaitable<Uint8Array>;
  close(): Awaitable<void>;
}

/** The destination of one write transfer. Exactly one of `commit` and `abort` is called, once, after the last `write`. */
export interface Sink {
  /** Takes the next bytes, in order; the caller never changes them afterwards. A thrown `Refusal` is sent to the client. */
  write(bytes: Uint8Array): Awaitable<void>;
  /** All bytes have been received. The last ACK is sent after this resolves, so that an acknowledged upload is a stored one. */
  commit(): Awaitable<void>;
  /** The transfer has failed: remove everything that was stored. */
  abort(): Awaitable<void>;
}

/** How a thread of the server gets the bytes of a content without calling it. */
export type Loan =
  /** A copy of all bytes, unless the borrower has them already. */
  | { readonly held: HeldBytes; readonly file?: undefined }
  /** By a descriptor, which stays open until the content is closed. */
  | { readonly file: FileHandover; readonly held?: undefined };

/** All bytes of a file of one segment. */
export interface HeldBytes {
  /** Identifies the version of the bytes. */
  readonly version: string;
  readonly size: number;
  /** Copies the bytes and drops them; `undefined` if they were dropped before. */
  take(): Uint8Array<ArrayBuffer> | undefined;
  forget(): void;
}

/** An open file, to be read by its descriptor. The lender keeps it open. */
export interface FileHandover {
  readonly fd: number;
  readonly version: FileStat;
  readonly path: string;
}

/** Additional abilities of the server's own contents; a plugin's content needs none of them. */
export interface ServerContent extends Content {
  /** Bytes can be read again, so the caller need not keep them. */
  readonly rereadable?: boolean;
  /** Whether `lend` is possible. */
  readonly lends?: boolean;
  /** Lends the bytes, once, in place of reads. */
  lend?(): Loan | undefined;
  /** The caller has all bytes, so the content need not keep them. */
  forget?(): void;
}
