/**
 * Creates all sockets of node:dgram.
 */
import { createSocket, type Socket } from 'node:dgram';
import { type PeerKey, peerKey } from '../base/peer.ts';

export interface DgramOptions {
  readonly family: 4 | 6;
  /** An IPv6 socket that accepts no IPv4 peers. */
  readonly ipv6Only?: boolean;
  /** Whether another socket may bind the same address and port. */
  readonly shared?: boolean;
}

/** Receives a datagram; the bytes must not be kept. */
export type Receive = (peer: PeerKey, datagram: Uint8Array) => void;

export function newSocket({ family, ipv6Only = false, shared = false }: DgramOptions): Socket {
  return createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only,
    reuseAddr: shared,
    // Peers are numeric addresses already, so skip the resolver and its delay.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
}

/**
 * Binds to an address, or adopts a descriptor that is already bound. On failure, closes the socket and rejects with Node's system
 * error.
 */
export function bound(
  socket: Socket,
  to: { readonly address?: string; readonly port: number } | { readonly fd: number },
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      socket.close();
      reject(error);
    };
    socket.once('error', onError);
    socket.bind({ ...to, exclusive: true }, () => {
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** Passes on datagrams, except those from port 0, which cannot be answered. */
export function onDatagram(socket: Socket, receive: Receive): void {
  socket.on('message', (datagram, { address, port }) => {
    if (port !== 0) receive(peerKey(address, port), datagram);
  });
}

/** Best effort: Linux caps the size; other systems reject one that is too large, and keep their default. */
export function enlarge(socket: Socket, bytes: { readonly receive: number; readonly send?: number }): void {
  try {
    socket.setRecvBufferSize(bytes.receive);
    if (bytes.send !== undefined) socket.setSendBufferSize(bytes.send);
  } catch {}
}
