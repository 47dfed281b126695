/**
 * What passes between the threads of the native transport. Plain data; messages of one tick travel together.
 */

import type { PeerKey } from '../../../base/peer.ts';
import type { FileHandover } from '../../../content/content.ts';
import type { Ending, Progress } from '../../protocol/ending.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import type { WireError } from '../../protocol/error.ts';
import type { RequestPacket } from '../../protocol/packet.ts';
import type { ReadAnswer } from '../../protocol/read-transfer.ts';
import type { TransferLimits } from '../../protocol/transfer.ts';
import type { WriteAnswer } from '../../protocol/write-transfer.ts';

/** Control plane to data thread. */
export type ToData =
  | { readonly kind: 'endpoint'; readonly endpoint: number; readonly fd: number; readonly address: string; readonly port: number }
  | { readonly kind: 'accepts'; readonly endpoint: number; readonly accepts: boolean }
  | { readonly kind: 'replies'; readonly endpoint: number; readonly replies: readonly number[] }
  /** Answered by `closed`: the descriptor is not used any more. */
  | { readonly kind: 'close'; readonly endpoint: number }
  /** What `limitsId` of an answer mean; told before any that names them. */
  | { readonly kind: 'transfer-limits'; readonly number: number; readonly limits: TransferLimits }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly answer: Omit<ReadAnswer, 'limits'> | Omit<WriteAnswer, 'limits'>;
      readonly limitsId: number;
    }
  | Serve
  | { readonly kind: 'refuse'; readonly id: number; readonly error: WireError }
  | Supplied
  /** As `DataPlane.finished`. */
  | { readonly kind: 'finished'; readonly id: number }
  | { readonly kind: 'written'; readonly id: number; readonly bytes: number; readonly stored: boolean }
  | { readonly kind: 'limits'; readonly limits: EngineLimits }
  | { readonly kind: 'progress'; readonly call: number }
  /** Answered by `done`, when all that was posted before is in force. */
  | { readonly kind: 'settle'; readonly call: number }
  | { readonly kind: 'refuseAll'; readonly call: number; readonly error: WireError }
  | { readonly kind: 'stop' };

/** Control plane to data thread: the answer to a read request whose segments are read on the other side. */
export interface Serve {
  readonly kind: 'serve';
  readonly id: number;
  readonly file: FileByNumber;
  readonly limitsId: number;
  /** The bytes of a file of one segment, unless the data thread has them, as far as is known. */
  readonly first?: Uint8Array<ArrayBuffer> | undefined;
}

/** Control plane to data thread: a segment that a plugin has made. */
export interface Supplied {
  readonly kind: 'supply';
  readonly id: number;
  readonly index: number;
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/** A file, as the data thread knows it. */
export interface FileByNumber {
  /** Its descriptor; {@link NOT_OPEN} for a file of one segment, whose bytes the main thread has if the data thread does not. */
  readonly fd: number;
  /** Names its version. */
  readonly version: string;
  readonly size: number;
}

/** As a descriptor. */
export const NOT_OPEN = -1;

/** A segment to be read into a slot. */
export interface SegmentRead {
  readonly kind: 'read';
  /** By the descriptor of this transfer. */
  readonly id: number;
  readonly slot: number;
  readonly position: number;
  readonly length: number;
}

/** Content thread to data thread: one for each segment that was to be read. */
export type FromContent =
  | { readonly kind: 'filled'; readonly slot: number }
  | { readonly kind: 'failed'; readonly slot: number; readonly error: WireError };

/** Data thread to control plane. */
export type FromData =
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly peer: PeerKey;
      readonly endpoint: number;
      readonly packet: RequestPacket;
    }
  | { readonly kind: 'need'; readonly id: number; readonly index: number }
  | { readonly kind: 'store'; readonly id: number; readonly bytes: Uint8Array; readonly last: boolean }
  | { readonly kind: 'end'; readonly id: number; readonly ending: Ending }
  | { readonly kind: 'closed'; readonly endpoint: number }
  | { readonly kind: 'progress'; readonly call: number; readonly progress: readonly Progress[] }
  | { readonly kind: 'done'; readonly call: number };

/** Control plane or data thread to content thread. */
export type ToContent =
  | { readonly kind: 'open'; readonly id: number; readonly file: FileHandover }
  /** More slots; told before any of them. */
  | { readonly kind: 'chunk'; readonly chunk: SharedArrayBuffer }
  | SegmentRead
  /** Answered by its id: the descriptor is not used any more. */
  | { readonly kind: 'close'; readonly id: number }
  | { readonly kind: 'stop' };
