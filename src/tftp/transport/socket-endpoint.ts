/**
 * A bound socket as an endpoint of the Engine: how a transport opens, describes and closes one, on whatever thread it is used.
 */
import type { PeerKey } from '../../base/peer.ts';
import type { SocketAddress } from '../../net/socket.ts';
import type { ServerEndpoint } from '../protocol/outbox.ts';

/** Whom a socket belongs to. */
export interface SocketOwner {
  receive(endpoint: SocketEndpoint, peer: PeerKey, datagram: Uint8Array): void;
}

/** A bound socket as an Endpoint. */
export interface SocketEndpoint extends ServerEndpoint {
  readonly owner: SocketOwner;
  accepts: boolean;
  replies: readonly ServerEndpoint[];
  /** Resolves when every change so far is in force: another thread may own the socket. */
  applied(): Promise<void>;
  /** Resolves when its port is free. */
  close(): Promise<void>;
}

/** Opens sockets. Rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
export type Bind = (to: SocketAddress, owner: SocketOwner) => Promise<SocketEndpoint>;
