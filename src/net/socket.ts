/**
 * A UDP socket of node:dgram. What node:dgram has no call for, a device and DSCP, is left out.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerKey, peerOf } from '../base/peer.ts';

/** What to bind: an address, or a descriptor that is bound already. */
export type SocketAddress = (
  | {
      readonly address: string;
      readonly port: number;
      /** An interface: no other is taken from or sent by. */
      readonly device?: string | undefined;
      /** May stand beside sockets of ours that have the same address and port, and another device or none. */
      readonly beside?: boolean;
    }
  | { readonly fd: number; readonly family: 'udp4' | 'udp6' }
) & {
  /** 0–63: what packets are marked with. */
  readonly dscp?: number | undefined;
};

/** A storm's first requests wait in the socket's buffer. */
const RECEIVE_BUFFER_BYTES = 8 * 1024 * 1024;
const SEND_BUFFER_BYTES = 4 * 1024 * 1024;

/** Takes what has come to a socket; the bytes are not kept. */
export type Receive = (peer: PeerKey, datagram: Uint8Array) => void;

export class UdpSocket implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;
  #open = true;

  private constructor(socket: Socket, address: string, port: number) {
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  /** Rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  static bind(binding: SocketAddress, receive: Receive): Promise<UdpSocket> {
    const family = 'fd' in binding ? binding.family : isIPv6(binding.address.split('%')[0]!) ? 'udp6' : 'udp4';
    const socket = createSocket({
      type: family,
      ipv6Only: !('fd' in binding) && family === 'udp6',
      lookup: literal(family === 'udp6' ? 6 : 4),
    });
    const where = 'fd' in binding ? { fd: binding.fd } : { address: binding.address, port: binding.port };
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => {
        socket.close();
        reject(error);
      };
      socket.once('error', failed);
      socket.bind({ ...where, exclusive: true }, () => {
        socket.off('error', failed);
        const { address, port } = socket.address();
        // A datagram that cannot be sent is a lost one, and protocols know what to do about those.
        socket.on('error', () => {});
        socket.on('message', (datagram, sender) => {
          if (sender.port !== 0) receive(peerKey(sender.address, sender.port), datagram);
        });
        enlarge(socket);
        resolve(new UdpSocket(socket, 'fd' in binding ? address : binding.address, port));
      });
    });
  }

  /** @param datagram or its parts, which must not change any more */
  send(to: PeerKey, datagram: Uint8Array | readonly Uint8Array[]): void {
    if (!this.#open) return;
    const { address, port } = peerOf(to);
    this.#socket.send(datagram, port, address);
  }

  /** Its port is free when this returns. */
  close(): void {
    if (this.#open) this.#socket.close();
    this.#open = false;
  }
}

/** Linux grants what it can; other systems refuse what is too much, and then their default has to do. */
function enlarge(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    socket.setSendBufferSize(SEND_BUFFER_BYTES);
  } catch {}
}

export type Lookup = (
  hostname: string,
  options: object,
  callback: (error: null, address: string, family: number) => void,
) => void;

/** Peers are addresses already: nothing to resolve, and nothing to wait for. */
export function literal(family: 4 | 6): Lookup {
  return (address, _options, callback) => callback(null, address, family);
}
