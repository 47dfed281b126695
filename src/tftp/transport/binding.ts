/**
 * The sockets of one local address and port, and of one device where they are bound to one: one that takes requests, and those
 * that transfers happen on. Several listen settings may stand for the same address, during a reload for instance; they share its
 * binding. It goes when the last of them has let go of it and the last transfer has ended.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import type { BindTo, Bound } from '../../net/listener.ts';
import type { Address } from '../../net/listening.ts';
import type { Rights } from '../../net/rights.ts';
import type { Bind, SocketEndpoint, SocketOwner } from './socket-endpoint.ts';

/** How a listener's transfers use ports, and how their packets are marked. */
export interface ListenSettings {
  /** Answer from the listening port itself, for NAT, containers and load balancers. */
  readonly singlePort: boolean;
  /** Ports for transfers, inclusive; any free ones if not given. */
  readonly transferPorts?: { readonly from: number; readonly to: number } | undefined;
  /** 0–63, for networks that give some packets precedence (RFC 2474). */
  readonly dscp?: number | undefined;
}

/** Where sockets come from, and where their datagrams go. */
export interface Sockets {
  readonly bind: Bind;
  readonly receive: SocketOwner['receive'];
  /** They can be bound to a device, whose number this tells; 0 if there is none of this name. */
  readonly deviceNumber?: (name: string) => number;
  readonly rights: Rights;
}

export class Binding implements SocketOwner, Bound {
  readonly receive: SocketOwner['receive'];
  #listener!: SocketEndpoint;
  #data: readonly SocketEndpoint[] = [];
  /** Listen settings that stand for this address. */
  #users = 1;
  #transfers = 0;
  readonly #onClosed: () => void;

  private constructor(receive: SocketOwner['receive'], onClosed: () => void) {
    this.receive = receive;
    this.#onClosed = onClosed;
  }

  /**
   * Rejects with Node's system error, and nothing bound.
   * @param dataSockets how many transfers happen on; none: replies come from the listening socket, or those of the address
   */
  static async open(
    to: BindTo<Binding>,
    settings: ListenSettings,
    { bind, receive }: Sockets,
    dataSockets: number,
    onClosed: () => void,
  ): Promise<Binding> {
    const binding = new Binding(receive, onClosed);
    const { dscp, transferPorts } = settings;
    const device = 'fd' in to ? undefined : to.device;
    const listener =
      'fd' in to
        ? await bind({ fd: to.fd, family: familyOf(to.fd), dscp }, binding)
        : await bind({ address: to.address, port: to.port, device, sharesPort: true, dscp }, binding);
    binding.#listener = listener;
    try {
      const broadcastOf = 'fd' in to ? undefined : to.broadcastOf;
      if (dataSockets > 0) {
        const bindPort = (port: number) => bind({ address: listener.address, port, device, dscp }, binding);
        binding.#data = await bindData(bindPort, dataSockets, transferPorts);
      }
      listener.replies = broadcastOf ? broadcastOf.#listener.replies : dataSockets > 0 ? binding.#data : [listener];
      listener.accepts = true;
      await listener.applied();
      return binding;
    } catch (error) {
      await listener.close();
      throw error;
    }
  }

  get address(): Address {
    return { address: this.#listener.address, port: this.#listener.port };
  }

  /** Sockets that it has opened. */
  get sockets(): number {
    return 1 + this.#data.length;
  }

  /** Whether it can be joined: it takes requests, or could again, as its socket is open still. */
  get joinable(): boolean {
    return this.#users > 0 || this.#data.length === 0;
  }

  /** Resolves when it takes requests. */
  async join(): Promise<void> {
    this.#users++;
    this.#listener.accepts = true;
    await this.#listener.applied();
  }

  /** Resolves when it takes no request any more, and the sockets that no transfer needs are closed. */
  async leave(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    this.#listener.accepts = false;
    if (this.#transfers === 0) return this.destroy();
    // In single-port mode the transfers under way still need it.
    await (this.#data.length > 0 ? this.#listener.close() : this.#listener.applied());
  }

  /** A transfer begins to use the sockets. */
  begin(): void {
    this.#transfers++;
  }

  /** A transfer has ended. */
  end(): void {
    this.#transfers--;
    if (this.#users === 0 && this.#transfers === 0) void this.destroy();
  }

  async destroy(): Promise<void> {
    this.#users = 0;
    const closed = [this.#listener, ...this.#data].map((endpoint) => endpoint.close());
    this.#onClosed();
    await Promise.all(closed);
  }
}

async function bindData(
  bind: (port: number) => Promise<SocketEndpoint>,
  count: number,
  range: ListenSettings['transferPorts'],
): Promise<SocketEndpoint[]> {
  if (!range) {
    const bound = await Promise.allSettled(Array.from({ length: count }, () => bind(0)));
    const endpoints = bound.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (endpoints.length === 0) throw bound.find((one) => one.status === 'rejected')?.reason;
    return endpoints;
  }
  const endpoints: SocketEndpoint[] = [];
  let failure: unknown;
  for (const port of portsOf(range)) {
    if (endpoints.length === count) break;
    try {
      endpoints.push(await bind(port));
    } catch (error) {
      failure = error;
    }
  }
  if (endpoints.length === 0) throw failure;
  return endpoints;
}

function* portsOf({ from, to }: NonNullable<ListenSettings['transferPorts']>): Generator<number> {
  for (let port = from; port <= to; port++) yield port;
}

/** Node wants to know before it adopts a descriptor, and does not tell. */
function familyOf(fd: number): 'udp4' | 'udp6' {
  try {
    const inode = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    const listed = readFileSync('/proc/self/net/udp6', 'utf8');
    return inode !== undefined && listed.split('\n').some((line) => line.trim().split(/\s+/)[9] === inode) ? 'udp6' : 'udp4';
  } catch {
    return 'udp4';
  }
}
