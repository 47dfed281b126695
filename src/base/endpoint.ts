/**
 * Local ends of a network: where datagrams leave from and come to.
 */
import type { PeerKey } from './peer.ts';

/** A local UDP address and port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Takes datagrams, and keeps nothing of them beyond the call. */
export interface DatagramOutbox {
  send(from: Endpoint, to: PeerKey, datagram: Uint8Array): void;
}
