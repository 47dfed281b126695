/**
 * A UDP socket of node:dgram. It cannot bind to a device or set DSCP, so it ignores both.
 */
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../base/endpoint.ts';
import { type PeerKey, peerOf } from '../base/peer.ts';
import { bound, enlarge, newSocket, onDatagram, type Receive } from './dgram.ts';

/** What to bind: an address, or a descriptor that is already bound. */
export type SocketAddress = (
  | {
      readonly address: string;
      readonly port: number;
      /** Interface that the socket is restricted to, in both directions. */
      readonly device?: string | undefined;
      /** Whether other sockets of this process may bind the same address and port with a different device or none. */
      readonly sharesPort?: boolean;
    }
  | { readonly fd: number; readonly family: 'udp4' | 'udp6' }
) & {
  /** DSCP of outgoing packets, 0–63. */
  readonly dscp?: number | undefined;
};

/** Room for the first requests of a storm. */
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
    // A datagram that cannot be sent counts as lost, which protocols handle.
    socket.on('error', () => {});
    onDatagram(socket, receive);
    enlarge(socket, BUFFER_BYTES);
    const { address, port } = socket.address();
    return new UdpSocket(socket, inherited ? address : binding.address, port);
  }

  /** @param datagram a datagram or its parts, which must not change afterwards */
  send(to: PeerKey, datagram: Uint8Array | readonly Uint8Array[]): void {
    if (!this.#open) return;
    const { address, port } = peerOf(to);
    this.#socket.send(datagram, port, address);
  }

  /** The port is free when this returns. */
  close(): void {
    if (this.#open) this.#socket.close();
    this.#open = false;
  }
}
