/**
 * What the protocol knows of the world outside: local endpoints to send from, and an outbox to put datagrams into.
 */
import type { PeerKey } from '../../base/peer.ts';
import type { Slices } from './segments.ts';

/** A local UDP address and port. Requests come to listening endpoints; transfers happen on the endpoints that these reply from. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** Whether requests are taken here. */
  readonly accepts: boolean;
  /** Where transfers that were asked for here are answered from: itself in single-port mode. Empty if none can be asked for. */
  readonly replies: readonly Endpoint[];
}

/** Takes datagrams. Owned by a transport; it may not keep what it is given beyond the call, but for content bytes, which never change. */
export interface Outbox {
  /** A small datagram: ACK, OACK, ERROR, or a request. */
  send(from: Endpoint, to: PeerKey, datagram: Uint8Array): void;
  /** A DATA packet. */
  data(from: Endpoint, to: PeerKey, block: number, slices: Slices): void;
}

/** One end of a transfer: everything that it sends goes this way. */
export interface Route {
  readonly outbox: Outbox;
  readonly from: Endpoint;
  readonly to: PeerKey;
}
