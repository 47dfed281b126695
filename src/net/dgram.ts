/**
 * The one place where sockets of node:dgram are made.
 */
import { createSocket, type Socket } from 'node:dgram';
import { type PeerKey, peerKey } from '../base/peer.ts';

export interface DgramOptions {
  readonly family: 4 | 6;
  /** An IPv6 socket that has no IPv4 peers. */
  readonly ipv6Only?: boolean;
  /** Another socket may bind the same address and port. */
  readonly shared?: boolean;
}

/** Takes what has come to a socket; the bytes are not kept. */
export type Receive = (peer: PeerKey, datagram: Uint8Array) => void;

export function newSocket({ family, ipv6Only = false, shared = false }: DgramOptions): Socket {
  return createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only,
    reuseAddr: shared,
    // Peers are addresses already: nothing to resolve, and nothing to wait for.
    lookup: (address, _options, callback) => callback(null, address, family),
  });
}

/** Binds to an address, or to a descriptor that is bound already. Rejects with Node's system error, and then the socket is closed. */
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

/** Hands on what comes, from port 0 excepted: that cannot be answered. */
export function onDatagram(socket: Socket, receive: Receive): void {
  socket.on('message', (datagram, { address, port }) => {
    if (port !== 0) receive(peerKey(address, port), datagram);
  });
}

/** Linux grants what it can; other systems refuse what is too much, and then their default has to do. */
export function enlarge(socket: Socket, bytes: { readonly receive: number; readonly send?: number }): void {
  try {
    socket.setRecvBufferSize(bytes.receive);
    if (bytes.send !== undefined) socket.setSendBufferSize(bytes.send);
  } catch {}
}
