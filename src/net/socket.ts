/**
 * A UDP socket of node:dgram as an Endpoint of the Engine. What node:dgram has no call for, a device and DSCP, is left out.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type PeerKey, peerKey, peerOf } from '../base/peer.ts';
import type { Endpoint } from '../tftp/protocol/outbox.ts';
import { Opcode, writeHeader } from '../tftp/protocol/packet.ts';
import type { Slices } from '../tftp/protocol/segments.ts';

/** Whom a socket belongs to. */
export interface SocketOwner {
  receive(endpoint: SocketEndpoint, peer: PeerKey, datagram: Uint8Array): void;
}

/** A bound socket as an Endpoint. */
export interface SocketEndpoint extends Endpoint {
  readonly owner: SocketOwner;
  accepts: boolean;
  replies: readonly Endpoint[];
  /** Resolves when what was said of it is in force: another thread may be its keeper. */
  settled(): Promise<void>;
  /** Resolves when its port is free. */
  close(): Promise<void>;
}

/** Opens sockets. Rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
export type Bind = (to: SocketAddress, owner: SocketOwner) => Promise<SocketEndpoint>;

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

export class UdpEndpoint implements SocketEndpoint {
  readonly address: string;
  readonly port: number;
  readonly owner: SocketOwner;
  accepts = false;
  replies: readonly Endpoint[] = [];
  readonly #socket: Socket;
  #open = true;

  private constructor(owner: SocketOwner, socket: Socket, address: string, port: number) {
    this.owner = owner;
    this.#socket = socket;
    this.address = address;
    this.port = port;
  }

  /** Rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  static bind(binding: SocketAddress, owner: SocketOwner): Promise<UdpEndpoint> {
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
        const endpoint = new UdpEndpoint(owner, socket, 'fd' in binding ? address : binding.address, port);
        // A datagram that cannot be sent is a lost one, and the protocol knows what to do about those.
        socket.on('error', () => {});
        socket.on('message', (datagram, sender) => {
          if (sender.port !== 0) owner.receive(endpoint, peerKey(sender.address, sender.port), datagram);
        });
        enlarge(socket);
        resolve(endpoint);
      });
    });
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    if (!this.#open) return;
    const { address, port } = peerOf(to);
    this.#socket.send(datagram.slice(), port, address);
  }

  data(to: PeerKey, block: number, { first, start, end, second, secondEnd }: Slices): void {
    if (!this.#open) return;
    const { address, port } = peerOf(to);
    const header = new Uint8Array(4);
    writeHeader(header, Opcode.data, block);
    const parts = [header, first.subarray(start, end)];
    if (second) parts.push(second.subarray(0, secondEnd));
    this.#socket.send(parts, port, address);
  }

  async settled(): Promise<void> {}

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.accepts = false;
    this.#socket.close();
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
