/**
 * A transport moves datagrams between the operating system and an Engine, and carries what the Engine wants to the exchanges of the
 * control plane and back. This is all that the control plane sees of it, whatever thread the Engine lives in.
 */
import type { Awaitable } from '../../base/awaitable.ts';
import type { Address, AddressChange, Listening, ListenOn } from '../../net/listening.ts';
import type { EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { RequestPacket } from '../protocol/packet.ts';
import type { Ending, Progress } from '../protocol/transfer.ts';
import type { Binding } from './binding.ts';
import type { Answer, DataPlane } from './data-plane.ts';

/** How a listener's transfers use ports, and how their packets are marked. */
export interface ListenSettings {
  /** Answer from the listening port itself, for NAT, containers and load balancers. */
  readonly singlePort: boolean;
  /** Ports for transfers, inclusive; any free ones if not given. */
  readonly transferPorts?: { readonly from: number; readonly to: number } | undefined;
  /** 0–63, for networks that give some packets precedence (RFC 2474). */
  readonly dscp?: number | undefined;
}

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

/** Whom a transport tells. */
export interface TransportEvents<Exchange extends TransportExchange = TransportExchange> {
  /** Makes the exchange of a request. May not call the plane: that comes with the exchange's `begin`. */
  request(arrival: Arrival, plane: DataPlane): Exchange;
  /** A listener's addresses have changed. */
  moved(listening: Listening, change: AddressChange): void;
  /** Something about this machine that a person may want to change. */
  notice(fields: object, message: string): void;
  /** Something went wrong that concerns no exchange in particular. */
  fault(error: unknown, what: string): void;
}

export interface Transport<Exchange extends TransportExchange = TransportExchange> {
  /** Resolves when every socket is bound; rejects with Node's system error, and nothing bound, if one cannot be. */
  listen(on: ListenOn, settings: ListenSettings): Promise<Listening>;
  /** Those of which something is left. */
  readonly exchanges: Iterable<Exchange>;
  /** Resolves when there is none. */
  idle(): Promise<void>;
  /** How far each transfer has come. */
  progress(): Promise<readonly Progress[]>;
  /** Bounds for requests to come. */
  setLimits(limits: EngineLimits): void;
  /** Ends every transfer with an ERROR and closes every socket. Resolves when no exchange is left. */
  close(error: WireError): Promise<void>;
}
