/**
 * A request as the Engine remembers it, and what makes another datagram the same request, sent again.
 */
import type { PeerKey } from '../../base/peer.ts';
import type { ServerEndpoint } from './outbox.ts';

/** A request: from which peer, and to which endpoint. */
export interface RequestRecord {
  readonly id: number;
  readonly peer: PeerKey;
  readonly listener: ServerEndpoint;
  /** The request, byte by byte. */
  readonly datagram: Uint8Array;
  readonly at: number;
}

/** Equal bytes from the same peer, to the same endpoint. */
export function isSameRequest({ listener, datagram }: RequestRecord, to: ServerEndpoint, again: Uint8Array): boolean {
  return listener === to && datagram.length === again.length && datagram.every((byte, i) => byte === again[i]);
}
