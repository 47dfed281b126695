/**
 * A transport moves datagrams between the operating system and an Engine, and bytes between that Engine and the contents and
 * sinks of the control plane. This is all that the control plane sees of it, whatever thread the Engine lives in.
 */
import type { Content, Sink } from '../../content/content.ts';
import type { Address, AddressChange, Listening, ListenOn } from '../../net/listening.ts';
import type { EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { RequestPacket } from '../protocol/packet.ts';
import type { Ending, Progress, TransferLimits } from '../protocol/transfer.ts';

/** How a listener's transfers use ports, and how their packets are marked. */
export interface ListenSettings {
  /** Answer from the listening port itself, for NAT, containers and load balancers. */
  readonly singlePort: boolean;
  /** Ports for transfers, inclusive; any free ones if not given. */
  readonly transferPorts?: { readonly from: number; readonly to: number } | undefined;
  /** 0–63, for networks that give some packets precedence (RFC 2474). */
  readonly dscp?: number | undefined;
}

/** A request that wants an answer: `answer` or `refuse`, once. */
export interface TransferRequest {
  /** Unique in this transport. */
  readonly id: number;
  readonly client: Address;
  readonly local: Address;
  readonly packet: RequestPacket;
}

export type TransferAnswer =
  | {
      readonly kind: 'read';
      readonly content: Content;
      /** The first segment of the content, which the first reply needs; `undefined` for one that the transport {@link Transport.reads}. */
      readonly first: Uint8Array | undefined;
      readonly limits: TransferLimits;
    }
  | { readonly kind: 'write'; readonly sink: Sink; readonly limits: TransferLimits };

/** Whom a transport tells. */
export interface TransportEvents {
  request(request: TransferRequest): void;
  /** Told once for every request, after its content is closed, or its sink committed or aborted. */
  end(id: number, ending: Ending): void;
  /** A listener's addresses have changed. */
  moved(listening: Listening, change: AddressChange): void;
  /** Something about this machine that a person may want to change. */
  notice(fields: object, message: string): void;
  /** Something went wrong that concerns no transfer in particular, or could not be told to its client. */
  fault(error: unknown, context: { readonly what: string; readonly id?: number }): void;
}

export interface Transport {
  /** Resolves when every socket is bound; rejects with Node's system error, and nothing bound, if one cannot be. */
  listen(on: ListenOn, settings: ListenSettings): Promise<Listening>;
  /** Whether it reads the content itself, from the first byte on. */
  reads(content: Content): boolean;
  /** Takes over the content or sink: it is closed, committed or aborted whatever happens. */
  answer(id: number, answer: TransferAnswer): void;
  /** An ERROR to the client instead. */
  refuse(id: number, error: WireError): void;
  /** Bounds for requests to come. */
  setLimits(limits: EngineLimits): void;
  progress(): Promise<readonly Progress[]>;
  /** Ends every transfer with an ERROR and closes every socket. */
  close(error: WireError): Promise<void>;
}
