/**
 * What the protocol knows of the world outside: local endpoints to send from, and an outbox to put datagrams into.
 */
import type { DatagramOutbox, Endpoint } from '../../base/endpoint.ts';
import type { PeerKey } from '../../base/peer.ts';
import type { Slices } from '../../base/segment.ts';

/** An endpoint of a server. Requests come to listening endpoints; transfers happen on the endpoints that these reply from. */
export interface ServerEndpoint extends Endpoint {
  /** Whether requests are taken here. */
  readonly accepts: boolean;
  /** Where transfers that were asked for here are answered from: itself in single-port mode. Empty if none can be asked for. */
  readonly replies: readonly ServerEndpoint[];
}

/** Whether transfers are answered from the port that requests come to. */
export function isSinglePort(listener: ServerEndpoint): boolean {
  return listener.replies[0] === listener;
}

/** Takes datagrams; small ones are ACK, OACK, ERROR, or a request. Of DATA it may keep the content's bytes, which never change. */
export interface Outbox extends DatagramOutbox {
  /** A DATA packet. */
  data(from: Endpoint, to: PeerKey, block: number, slices: Slices): void;
}

/** One end of a transfer: everything that it sends goes this way. */
export interface Route {
  readonly outbox: Outbox;
  readonly from: Endpoint;
  readonly to: PeerKey;
}

/** The same, of a server's transfer. */
export interface ServerRoute extends Route {
  readonly from: ServerEndpoint;
}
