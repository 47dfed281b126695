/**
 * The UDP port of one client transfer. Unlike a server's socket it reports a datagram that cannot be sent, since the user would not learn
 * the reason otherwise, and it need not keep the process alive.
 *
 * Two sockets share the port: one that takes datagrams from any peer, since the server answers from a port of its own choice (RFC 1350
 * §4), and one that is connected to the server's listening port, since the kernel reports ICMP port unreachable to connected sockets
 * only (RFC 1122 §4.1.3.3).
 */
import type { Socket } from 'node:dgram';
import type { Endpoint } from '../../base/endpoint.ts';
import { type PeerKey, peerOf } from '../../base/peer.ts';
import type { Slices } from '../../base/segment.ts';
import { bound, enlarge, newSocket, onDatagram } from '../../net/dgram.ts';
import { HEADER_BYTES, Opcode, writeHeader } from '../protocol/packet.ts';

export interface SocketEvents {
  onDatagram(from: PeerKey, datagram: Uint8Array): void;
  /** A datagram could not be sent, and the next will not be either. */
  onFault(error: Error): void;
  /** The server's host says by ICMP that nothing listens on the port that requests go to. */
  onRefused(): void;
}

export interface ClientSocketOptions {
  readonly family: 4 | 6;
  readonly localAddress: string | undefined;
  /** 0 for one of the system's choice. */
  readonly localPort: number;
  /** Where requests go. */
  readonly server: PeerKey;
}

/** A window may come at once. The kernel cuts this down to its own limit. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** A full queue: for the protocol this is loss. */
const PASSING = new Set(['ENOBUFS', 'EAGAIN', 'ENOMEM', 'ERR_SOCKET_DGRAM_NOT_RUNNING']);

export class ClientSocket implements Endpoint {
  readonly address: string;
  readonly port: number;
  readonly #server: PeerKey;
  /** Takes datagrams from any peer. */
  readonly #socket: Socket;
  /** Connected to the server's listening port; `undefined` where the system does not let two sockets share a port. */
  readonly #connected: Socket | undefined;
  readonly #events: SocketEvents;
  #open = true;

  private constructor(server: PeerKey, socket: Socket, connected: Socket | undefined, events: SocketEvents) {
    const { address, port } = socket.address();
    this.address = address;
    this.port = port;
    this.#server = server;
    this.#socket = socket;
    this.#connected = connected;
    this.#events = events;
    for (const one of this.#sockets) {
      one.on('error', (error) => this.#failed(error));
      onDatagram(one, events.onDatagram);
    }
  }

  /** Rejects with Node's system error. */
  static async bind(
    { family, localAddress: address, localPort, server }: ClientSocketOptions,
    events: SocketEvents,
  ): Promise<ClientSocket> {
    // Bound without sharing first: sockets that share would be given a port that another client shares already.
    const exclusive = await open(family, { address, port: localPort, shared: false });
    const { port } = exclusive.address();
    exclusive.close();
    const socket = await open(family, { address, port, shared: true });
    const connected = await open(family, { address, port, shared: true })
      .then((twin) => connect(twin, server))
      .catch(() => undefined);
    return new ClientSocket(server, socket, connected, events);
  }

  get #sockets(): readonly Socket[] {
    return this.#connected ? [this.#socket, this.#connected] : [this.#socket];
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
    for (const socket of this.#sockets) socket.unref();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const socket of this.#sockets) socket.close();
  }

  #transmit(to: PeerKey, parts: Uint8Array[]): void {
    if (!this.#open) return;
    const sent = (error: NodeJS.ErrnoException | null) => error && this.#failed(error);
    if (this.#connected && to === this.#server) return this.#connected.send(parts, sent);
    const { address, port } = peerOf(to);
    this.#socket.send(parts, port, address, sent);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (!this.#open) return;
    if (error.code === 'ECONNREFUSED') this.#events.onRefused();
    else if (!PASSING.has(error.code ?? '')) this.#events.onFault(error);
  }
}

interface Bind {
  readonly address: string | undefined;
  readonly port: number;
  /** Whether another socket may bind the port, too. */
  readonly shared: boolean;
}

async function open(family: 4 | 6, { address, port, shared }: Bind): Promise<Socket> {
  const socket = newSocket({ family, shared });
  await bound(socket, { port, ...(address === undefined ? {} : { address }) });
  enlarge(socket, { receive: RECEIVE_BUFFER_BYTES });
  return socket;
}

/** Closes the socket, and rejects, if it cannot be connected. */
function connect(socket: Socket, server: PeerKey): Promise<Socket> {
  const { address, port } = peerOf(server);
  return new Promise((resolve, reject) => {
    socket.connect(port, address, (error?: Error) => {
      if (!error) return resolve(socket);
      socket.close();
      reject(error);
    });
  });
}
