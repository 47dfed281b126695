/**
 * The UDP socket of one client transfer. Unlike a server's socket it tells when a datagram cannot be sent, since nobody else
 * would tell the user why, and it need not keep the process alive.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { Endpoint } from '../protocol/outbox.ts';
import { HEADER_BYTES, Opcode, writeHeader } from '../protocol/packet.ts';
import { type PeerKey, peerKey, peerOf } from '../protocol/peer.ts';
import type { Slices } from '../protocol/segments.ts';

export interface SocketEvents {
  receive(from: PeerKey, datagram: Uint8Array): void;
  /** A datagram could not be sent, and the next will not be either. */
  fault(error: Error): void;
}

/** A window may come at once. The kernel cuts this down to its own limit. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** A full queue, or the answer to a datagram of before: for the protocol this is loss. */
const PASSING = new Set(['ENOBUFS', 'EAGAIN', 'ENOMEM', 'ECONNREFUSED', 'ERR_SOCKET_DGRAM_NOT_RUNNING']);

export class ClientSocket implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly accepts = false;
  readonly replies: readonly Endpoint[] = [];
  readonly #socket: Socket;
  readonly #events: SocketEvents;
  #open = true;

  private constructor(socket: Socket, events: SocketEvents) {
    const { address, port } = socket.address();
    this.address = address;
    this.port = port;
    this.#socket = socket;
    this.#events = events;
    socket.on('error', (error) => this.#failed(error));
    socket.on('message', (datagram, { address, port }) => {
      if (port !== 0) events.receive(peerKey(address, port), datagram);
    });
  }

  /** Rejects with Node's system error. */
  static bind(family: 4 | 6, address: string | undefined, port: number, events: SocketEvents): Promise<ClientSocket> {
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Addresses only: nothing to resolve.
      lookup: (host, _options, callback) => callback(null, host, family),
    });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port, ...(address === undefined ? {} : { address }), exclusive: true }, () => {
        socket.off('error', reject);
        try {
          socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
        } catch {
          // A small buffer loses more; it works all the same.
        }
        resolve(new ClientSocket(socket, events));
      });
    });
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    this.#transmit(to, [datagram.slice()]);
  }

  data(to: PeerKey, block: number, { first, start, end, second, secondEnd }: Slices): void {
    const header = new Uint8Array(HEADER_BYTES);
    writeHeader(header, Opcode.data, block);
    const parts = [header, first.subarray(start, end)];
    if (second) parts.push(second.subarray(0, secondEnd));
    this.#transmit(to, parts);
  }

  /** The process may end although the socket is open. */
  unref(): void {
    this.#socket.unref();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#socket.close();
  }

  #transmit(to: PeerKey, parts: Uint8Array[]): void {
    if (!this.#open) return;
    const { address, port } = peerOf(to);
    this.#socket.send(parts, port, address, (error) => error && this.#failed(error));
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#open && !PASSING.has(error.code ?? '')) this.#events.fault(error);
  }
}
