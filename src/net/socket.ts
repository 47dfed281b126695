/**
 * A UDP socket of node:dgram. What node:dgram has no call for, a device and DSCP, is left out.
 */
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerOf } from '../base/peer.ts';
import { bound, enlarge, newSocket, onDatagram, type Receive } from './dgram.ts';

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
const BUFFER_BYTES = { receive: 8 * 1024 * 1024, send: 4 * 1024 * 1024 };

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
  static async bind(binding: SocketAddress, receive: Receive): Promise<UdpSocket> {
    const inherited = 'fd' in binding;
    const six = inherited ? binding.family === 'udp6' : isIPv6(binding.address.split('%')[0]!);
    const socket = newSocket({ family: six ? 6 : 4, ipv6Only: six && !inherited });
    await bound(socket, inherited ? { fd: binding.fd } : { address: binding.address, port: binding.port });
    // A datagram that cannot be sent is a lost one, and protocols know what to do about those.
    socket.on('error', () => {});
    onDatagram(socket, receive);
    enlarge(socket, BUFFER_BYTES);
    const { address, port } = socket.address();
    return new UdpSocket(socket, inherited ? address : binding.address, port);
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
