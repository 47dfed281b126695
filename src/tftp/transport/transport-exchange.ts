/**
 * A request as a transport carries it: how it comes from the wire, what the control plane makes of it, and what it is answered with.
 */
import type { Awaitable } from '../../base/awaitable.ts';
import type { ServerContent } from '../../content/content.ts';
import type { Address } from '../../net/listening.ts';
import type { Ending } from '../protocol/ending.ts';
import type { RequestPacket } from '../protocol/packet.ts';
import type { TransferLimits } from '../protocol/transfer.ts';
import type { Binding } from './binding.ts';

/** A request as it has come from the wire. */
export interface Arrival {
  /** The Engine's number of the transfer, unique in this transport. */
  readonly transfer: number;
  readonly client: Address;
  readonly local: Address;
  readonly packet: RequestPacket;
  /** Whose sockets the transfer uses. */
  readonly binding: Binding;
}

/** A request on the control plane, as a transport needs it. */
export interface TransportExchange extends Answer {
  readonly binding: Binding;
  /** When the request came, on the transport's clock. */
  readonly begunMs: number;
  /** `over` was called. */
  readonly ended: boolean;
  /** Wants an answer by the plane's `answer` or `refuse`, once. */
  begin(): void;
  /** The Engine wants a segment: `supply` it. */
  need(index: number): void;
  /** The Engine has received bytes: report them by `written`. */
  store(bytes: Uint8Array, last: boolean): void;
  /** The transfer is over; called once. Resolves when nothing is left of the exchange; never rejects. */
  over(ending: Ending): Awaitable<void>;
}

/** What a request is answered with. */
export interface Answer {
  /** The Engine's number of the transfer. */
  readonly transfer: number;
  /** `undefined`: bytes are to come, for a sink. */
  readonly content: ServerContent | undefined;
  /** The first segment of the content; `undefined` for a content that the plane borrows. */
  readonly first: Uint8Array | undefined;
  readonly limits: TransferLimits;
  /** The plane's: where it notes what it has borrowed. */
  borrowed: Borrowed | undefined;
}

/** A file that a plane reads by its descriptor. */
export interface Borrowed {
  /** The threads that read it. */
  readonly by: object;
  /** They do not use it any more. */
  returned: boolean;
  onReturned(): void;
}
