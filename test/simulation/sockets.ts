/** The server's sockets on the simulated network: a `Bind` for the portable transport. */
import type { NetworkInterfaceInfo } from 'node:os';
import type { PeerKey } from '../../src/base/peer.ts';
import type { Slices } from '../../src/base/segment.ts';
import type { Interfaces } from '../../src/net/addresses.ts';
import type { SocketAddress } from '../../src/net/socket.ts';
import type { ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import type { SocketEndpoint, SocketOwner } from '../../src/tftp/transport/socket-endpoint.ts';
import type { BoundEndpoint, Host } from '../kit/network.ts';
import type { Random } from '../kit/random.ts';
import type { World } from './world.ts';

const FIRST_EPHEMERAL_PORT = 32_768;

export class SimulatedSockets implements Host {
  readonly nextDeadline = Number.POSITIVE_INFINITY;
  /** The machine's addresses, by interface. */
  readonly interfaces = new Map<string, string[]>([
    ['lo', ['127.0.0.1']],
    ['eth0', ['10.0.0.1']],
  ]);
  readonly #world: World;
  readonly #random: Random;
  readonly #open = new Map<BoundEndpoint, SimulatedSocket>();
  /** Ports that another process holds: `10.0.0.1:69`. */
  readonly #taken = new Set<string>();
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random('sockets');
  }

  get size(): number {
    return this.#open.size;
  }

  /** What is bound, for messages. */
  get bound(): string[] {
    return Array.from(this.#open.keys(), ({ address, port }) => `${address}:${port}`);
  }

  isOpen(address: string, port: number): boolean {
    return Array.from(this.#open.keys()).some((endpoint) => endpoint.address === address && endpoint.port === port);
  }

  /** As `os.networkInterfaces` tells. */
  readonly networkInterfaces = (): Interfaces =>
    Object.fromEntries(Array.from(this.interfaces, ([name, addresses]) => [name, addresses.map(infoOf)]));

  take(address: string, port: number): void {
    this.#taken.add(`${address}:${port}`);
  }

  giveBack(address: string, port: number): void {
    this.#taken.delete(`${address}:${port}`);
  }

  readonly bind = async (to: SocketAddress, owner: SocketOwner): Promise<SocketEndpoint> => {
    if ('fd' in to) throw new Error('no descriptors here');
    await this.#world.work(this.#random() * 2);
    const { address } = to;
    const port = to.port === 0 ? this.#freePort(address) : to.port;
    const here = [...this.interfaces.values()].flat();
    if (!here.includes(address) && !address.endsWith('.255')) throw fault('EADDRNOTAVAIL', address, port);
    if (this.#taken.has(`${address}:${port}`) || this.isOpen(address, port)) throw fault('EADDRINUSE', address, port);
    const endpoint = this.#world.network.bind(this, address, port);
    const socket = new SimulatedSocket(this.#world, endpoint, owner, () => {
      this.#open.delete(endpoint);
      this.#world.network.unbind(endpoint);
    });
    this.#open.set(endpoint, socket);
    return socket;
  };

  receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array): void {
    this.#world.atServer(() => {
      const socket = this.#open.get(endpoint as BoundEndpoint);
      socket?.owner.receive(socket, from, datagram);
    });
  }

  expire(): void {}

  leftovers(): string[] {
    return this.#open.size === 0 ? [] : [`${this.#open.size} sockets: ${this.bound.join(', ')}`];
  }

  #freePort(address: string): number {
    while (this.isOpen(address, this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}

class SimulatedSocket implements SocketEndpoint {
  readonly owner: SocketOwner;
  readonly address: string;
  readonly port: number;
  accepts = false;
  replies: readonly ServerEndpoint[] = [];
  readonly #world: World;
  readonly #endpoint: BoundEndpoint;
  readonly #closed: () => void;
  #open = true;

  constructor(world: World, endpoint: BoundEndpoint, owner: SocketOwner, closed: () => void) {
    this.#world = world;
    this.#endpoint = endpoint;
    this.owner = owner;
    this.address = endpoint.address;
    this.port = endpoint.port;
    this.#closed = closed;
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    if (this.#open) this.#world.network.outbox.send(this.#endpoint, to, datagram);
  }

  data(to: PeerKey, block: number, slices: Slices): void {
    if (this.#open) this.#world.network.outbox.data(this.#endpoint, to, block, slices);
  }

  async applied(): Promise<void> {}

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.accepts = false;
    this.#closed();
  }
}

function infoOf(address: string): NetworkInterfaceInfo {
  const internal = address.startsWith('127.');
  return { address, netmask: '255.255.255.0', family: 'IPv4', mac: '02:00:00:00:00:01', internal, cidr: `${address}/24` };
}

function fault(code: string, address: string, port: number): Error {
  return Object.assign(new Error(`bind ${code} ${address}:${port}`), { code, address, port });
}
