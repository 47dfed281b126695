/**
 * Sockets of a machine that is not there: interfaces that a test changes, other processes that have ports, and what was sent.
 */
import type { NetworkInterfaceInfo } from 'node:os';
import type { Interfaces } from '../../src/net/addresses.ts';
import type { Address } from '../../src/net/listening.ts';
import type { ForeignSocket } from '../../src/net/port-holder.ts';
import type { OnDatagram, Wire, WireSocket, WireSockets } from '../../src/net/wire-sockets.ts';

export interface Sent {
  /** The device for a broadcast socket, else the address. */
  readonly by: string;
  readonly port: number;
  readonly to: Address;
  readonly datagram: Uint8Array;
}

export class FakeWireSockets implements WireSockets {
  tellsWires = true;
  broadcastHearsUnicast = false;
  /** By device, the IPv4 addresses with prefix lengths; the first answers broadcasts. */
  readonly devices = new Map<string, readonly string[]>();
  /** Ports of other processes that they do not share. */
  readonly taken = new Set<number>();
  /** What opening a socket for broadcasts fails with. */
  fault: string | undefined;
  /** Sockets of other processes that share their port. */
  readonly others: (ForeignSocket & { readonly port: number })[] = [];
  readonly sent: Sent[] = [];
  /** By `device port` and `address port`. */
  readonly open = new Map<string, OnDatagram>();
  /** Every socket that was opened, in order. */
  readonly opened: string[] = [];
  onSend: (sent: Sent) => void = () => {};

  readonly interfaces = (): Interfaces =>
    Object.fromEntries(
      Array.from(this.devices, ([device, addresses]) => [device, addresses.map((cidr) => infoOf(cidr, device === 'lo'))]),
    );

  async openBroadcast({ device }: Wire, port: number, onDatagram: OnDatagram): Promise<WireSocket> {
    if (this.fault !== undefined) throw Object.assign(new Error(`bind ${this.fault}`), { code: this.fault });
    return this.#open(device, port, onDatagram);
  }

  async openUnicast(address: string, port: number, _shared: boolean, onDatagram: OnDatagram): Promise<WireSocket> {
    if (!this.#has(address)) throw Object.assign(new Error('bind EADDRNOTAVAIL'), { code: 'EADDRNOTAVAIL' });
    return this.#open(address, port, onDatagram);
  }

  deviceNumber(name: string): number | undefined {
    return [...this.devices.keys()].indexOf(name) + 1;
  }

  foreign(port: number): readonly ForeignSocket[] {
    return this.others.filter((other) => other.port === port);
  }

  holder(port: number): string | undefined {
    return this.taken.has(port) || this.foreign(port).length > 0 ? 'dnsmasq (process 12)' : undefined;
  }

  /** A datagram comes: broadcast on a device, or sent to an address. Whether a socket heard it. */
  deliver(to: string, port: number, datagram: Uint8Array, from: Address): boolean {
    const onDatagram = this.open.get(`${to} ${port}`);
    onDatagram?.(datagram, from);
    return onDatagram !== undefined;
  }

  #open(by: string, port: number, onDatagram: OnDatagram): WireSocket {
    const key = `${by} ${port}`;
    if (this.taken.has(port) || this.open.has(key)) throw Object.assign(new Error('bind EADDRINUSE'), { code: 'EADDRINUSE' });
    this.open.set(key, onDatagram);
    this.opened.push(key);
    return {
      send: (datagram, to) => {
        const sent = { by, port, to, datagram };
        this.sent.push(sent);
        this.onSend(sent);
      },
      close: () => void this.open.delete(key),
    };
  }

  #has(address: string): boolean {
    return [...this.devices.values()].flat().some((cidr) => cidr.startsWith(`${address}/`));
  }
}

function infoOf(cidr: string, internal: boolean): NetworkInterfaceInfo {
  const [address = ''] = cidr.split('/');
  return { family: 'IPv4', address, netmask: '', mac: '', internal, cidr };
}
