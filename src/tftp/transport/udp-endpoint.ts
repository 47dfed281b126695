/**
 * A UDP socket of node:dgram as an endpoint of an Engine on this thread: it sends by itself.
 */
import type { PeerKey } from '../../base/peer.ts';
import type { Slices } from '../../base/segment.ts';
import { type SocketAddress, UdpSocket } from '../../net/socket.ts';
import type { ServerEndpoint } from '../protocol/outbox.ts';
import { HEADER_BYTES, Opcode, writeHeader } from '../protocol/packet.ts';
import type { SocketEndpoint, SocketOwner } from './socket-endpoint.ts';

export class UdpEndpoint implements SocketEndpoint {
  readonly owner: SocketOwner;
  accepts = false;
  replies: readonly ServerEndpoint[] = [];
  #socket!: UdpSocket;

  private constructor(owner: SocketOwner) {
    this.owner = owner;
  }

  /** Rejects with Node's system error: `EADDRINUSE`, `EACCES`, `EADDRNOTAVAIL`. */
  static async bind(to: SocketAddress, owner: SocketOwner): Promise<UdpEndpoint> {
    const endpoint = new UdpEndpoint(owner);
    endpoint.#socket = await UdpSocket.bind(to, (peer, datagram) => owner.receive(endpoint, peer, datagram));
    return endpoint;
  }

  get address(): string {
    return this.#socket.address;
  }

  get port(): number {
    return this.#socket.port;
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    this.#socket.send(to, datagram.slice());
  }

  data(to: PeerKey, block: number, { first, start, end, second, secondEnd }: Slices): void {
    const header = new Uint8Array(HEADER_BYTES);
    writeHeader(header, Opcode.data, block);
    const parts = [header, first.subarray(start, end)];
    if (second) parts.push(second.subarray(0, secondEnd));
    this.#socket.send(to, parts);
  }

  async applied(): Promise<void> {}

  async close(): Promise<void> {
    this.accepts = false;
    this.#socket.close();
  }
}
