/**
 * Content is the bytes of one transfer to a client; a Sink takes the bytes of one transfer from a client.
 * Neither knows who asks, nor anything of packets.
 */

import type { Awaitable } from '../base/awaitable.ts';
import type { FileStat } from './filesystem.ts';

/** The bytes of one read transfer. Opened before the first reply goes out, closed exactly once when the transfer has ended. */
export interface Content {
  /** Total bytes; `undefined` if not known yet, and then `tsize` is not acknowledged (RFC 2349). */
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

/** How a thread of the server's own comes by the bytes of a content without asking it for them. */
export type Loan =
  /** A copy of all of them, unless the borrower has them already. */
  | { readonly held: HeldBytes; readonly file?: undefined }
  /** By a descriptor, which stays open until the content is closed. */
  | { readonly file: FileHandover; readonly held?: undefined };

/** All bytes of a file of one segment. */
export interface HeldBytes {
  /** Names their version. */
  readonly version: string;
  readonly size: number;
  /** A copy of them, which are then forgotten; `undefined` if they were forgotten before. */
  take(): Uint8Array<ArrayBuffer> | undefined;
  forget(): void;
}

/** An open file, to be read by its descriptor. The lender keeps it open. */
export interface FileHandover {
  readonly fd: number;
  readonly version: FileStat;
  readonly path: string;
}

/** What the server's own contents can do besides; a plugin's need none of it. */
export interface ServerContent extends Content {
  /** What was read once can be read again, so the caller need not keep it. */
  readonly rereadable?: boolean;
  /** Whether there is something to `lend`. */
  readonly lends?: boolean;
  /** Lends the bytes, once, in place of reads. */
  lend?(): Loan | undefined;
  /** The caller has all of the bytes: they need not be kept for it. */
  forget?(): void;
}
