/**
 * A transport moves datagrams between the operating system and an Engine, and carries what the Engine wants to the exchanges of the
 * control plane and back. This is all that the control plane sees of it, whatever thread the Engine lives in.
 */
import type { AddressChange, Listening, ListenOn } from '../../net/listening.ts';
import type { Progress } from '../protocol/ending.ts';
import type { EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { ListenSettings } from './binding.ts';
import type { DataPlane } from './data-plane.ts';
import type { Arrival, TransportExchange } from './transport-exchange.ts';

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
