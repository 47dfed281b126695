/**
 * Local endpoints that datagrams are sent from and received at.
 */
import type { PeerKey } from './peer.ts';

/** A local UDP address and port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Sends datagrams; it keeps no reference to them after the call. */
export interface DatagramOutbox {
  send(from: Endpoint, to: PeerKey, datagram: Uint8Array): void;
}
