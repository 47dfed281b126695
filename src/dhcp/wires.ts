/**
 * The sockets of the service, kept in step with the machine's interfaces and with the config: for each interface one for broadcasts,
 * and for each of its addresses one at either port. What a new config needs as well stays open, and what is new is bound before
 * anything is closed.
 */
import { networkInterfaces } from 'node:os';
import type { Clock } from '../base/clock.ts';
import type { Interfaces } from '../net/addresses.ts';
import type { Address, AddressChange } from '../net/listening.ts';
import type { Rights } from '../net/rights.ts';
import { codeOf, unbindableProblem } from '../net/unbindable.ts';
import type { Wire, WireSocket, WireSockets } from '../net/wire-sockets.ts';
import { noSuchInterface, PORT_TAKEN, remedyOf } from './bind-error.ts';
import type { Notices } from './notices.ts';
import type { DhcpPort } from './protocol/offer.ts';
import { type Served, type SocketFacts, servedInterfaces, type Wanted, type WiresSettings, wantedSockets } from './wanted.ts';

/** A datagram, and where it came in. */
export interface Arrival {
  /** Must not be kept. */
  readonly datagram: Uint8Array;
  readonly source: Address;
  /** The port's number in the protocol, whatever the config makes of it. */
  readonly port: DhcpPort;
  /** The interface, and the server's own address there: that which the datagram was sent to, unless it was a broadcast. */
  readonly wire: Wire;
  /** Sends by the interface, from the port that the datagram was sent to. */
  readonly send: WireSocket['send'];
}

export interface WiresOptions {
  readonly sockets: WireSockets;
  readonly clock: Clock;
  readonly rights: Rights;
  /** The machine's interfaces, unless they are simulated. */
  readonly interfaces?: (() => Interfaces) | undefined;
  readonly onArrival: (arrival: Arrival) => void;
  readonly onMoved: (change: AddressChange) => void;
  /** For conditions of this machine that the operator may want to fix. */
  readonly notices: Notices;
}

/** Everything that a config asks for is bound: `commit` or `abandon` it, once. */
export interface PreparedWires {
  /** Puts it in force, and closes what is not asked for any more. Returns the addresses that were not listened on before. */
  commit(): readonly Address[];
  abandon(): void;
}

type Open = Wanted & { readonly socket: WireSocket };

/** How often the machine's interfaces are looked at. */
const FOLLOW_MS = 2_000;

export class Wires {
  readonly #options: WiresOptions;
  readonly #interfaces: () => Interfaces;
  #settings: WiresSettings | undefined;
  #served: readonly Served[] = [];
  #open = new Map<string, Open>();
  /** Sockets of addresses that have gone but could not be bound again: they work again when the address returns. */
  readonly #kept = new Map<string, Open>();
  /** A config is being prepared, which counts on the sockets that are open. */
  #preparing = false;
  #following: Promise<void> = Promise.resolve();
  #cancelFollow = () => {};
  #closed = false;

  constructor(options: WiresOptions) {
    this.#options = options;
    this.#interfaces = options.interfaces ?? networkInterfaces;
  }

  get addresses(): readonly Address[] {
    const ports = [...this.#open.values()].map(
      ({ wire: { address }, port }) => [`${address} ${port}`, { address, port }] as const,
    );
    return [...new Map(ports).values()];
  }

  /** Whether an address is in a network of an interface that is served. */
  isAttached(address: string): boolean {
    return this.#served.some(({ networks }) => networks.some((network) => network.contains({ text: address, family: 'ipv4' })));
  }

  /** Rejects with Node's system error, and nothing new bound. @param settings `undefined`: nothing is to be open */
  async prepare(settings: WiresSettings | undefined): Promise<PreparedWires> {
    this.#preparing = true;
    await this.#following;
    const fresh = new Map<string, Open>();
    const abandon = () => {
      this.#preparing = false;
      closeAll(fresh);
    };
    try {
      const served = this.#servedBy(settings);
      const absent = settings?.interfaces?.find((name) => !served.some(({ device }) => device === name.replace(/:.*$/, '')));
      if (absent !== undefined) throw noSuchInterface(absent, this.#interfaces());
      const wanted = this.#wantedBy(settings, served);
      for (const one of wanted) {
        if (this.#open.has(one.key)) continue;
        // An address may go at any time; `follow` binds what comes later.
        const open = await this.#bind(one).catch((error) => {
          if (codeOf(error) !== 'EADDRNOTAVAIL') throw this.#explained(error, one);
        });
        if (open) fresh.set(one.key, open);
      }
      return { commit: () => this.#commit(settings, served, wanted, fresh), abandon };
    } catch (error) {
      abandon();
      throw error;
    }
  }

  /** Closes everything. */
  close(): void {
    this.#closed = true;
    this.#cancelFollow();
    closeAll(this.#open);
    closeAll(this.#kept);
  }

  #commit(
    settings: WiresSettings | undefined,
    served: readonly Served[],
    wanted: readonly Wanted[],
    fresh: ReadonlyMap<string, Open>,
  ): readonly Address[] {
    const known = new Set(this.addresses.map(textOf));
    const open = wanted.flatMap(({ key }) => this.#open.get(key) ?? fresh.get(key) ?? []);
    const next = new Map(open.map((one) => [one.key, one]));
    for (const [key, { socket }] of this.#open) if (!next.has(key)) socket.close();
    if (settings === undefined) closeAll(this.#kept);
    this.#open = next;
    this.#settings = settings;
    this.#served = served;
    this.#preparing = false;
    this.#warn();
    this.#cancelFollow();
    if (settings) this.#followLater();
    return this.addresses.filter((address) => !known.has(textOf(address)));
  }

  #followLater(): void {
    if (this.#closed) return;
    this.#cancelFollow = this.#options.clock.setTimeout(() => {
      if (!this.#preparing) this.#following = this.#follow();
      void this.#following.then(() => this.#settings && this.#followLater());
    }, FOLLOW_MS);
  }

  /** Binds what is wanted now and was not before, and closes the rest. Never rejects. */
  async #follow(): Promise<void> {
    const settings = this.#settings;
    const before = this.addresses;
    const served = this.#servedBy(settings);
    const wanted = this.#wantedBy(settings, served);
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, open] of [...this.#open]) if (!keys.has(key)) this.#leave(open, served);
    for (const one of wanted) {
      if (this.#open.has(one.key)) continue;
      const kept = this.#kept.get(one.key);
      this.#kept.delete(one.key);
      const open = kept ?? (await this.#bind(one).catch((error) => this.#report(one, error)));
      if (open && this.#closed) open.socket.close();
      else if (open) this.#open.set(one.key, open);
    }
    this.#served = served;
    this.#warn();
    const now = this.addresses;
    const without = (some: readonly Address[], others: readonly Address[]) => {
      const texts = new Set(others.map(textOf));
      return some.filter((address) => !texts.has(textOf(address)));
    };
    const change = { came: without(now, before), gone: without(before, now) };
    if (!this.#closed && change.came.length + change.gone.length > 0) this.#options.onMoved(change);
  }

  #leave(open: Open, served: readonly Served[]): void {
    this.#open.delete(open.key);
    const { address } = open.wire;
    const isGone = !served.some(({ addresses }) => addresses.includes(address));
    if (isGone && !this.#options.rights.mayBind(open.port)) this.#kept.set(open.key, open);
    else open.socket.close();
  }

  #servedBy(settings: WiresSettings | undefined): readonly Served[] {
    const served = settings ? servedInterfaces(settings, this.#interfaces()) : [];
    return this.#options.sockets.tellsWires ? served : served.slice(0, 1);
  }

  #wantedBy(settings: WiresSettings | undefined, served: readonly Served[]): readonly Wanted[] {
    if (!settings || served.length === 0) return [];
    const { sockets } = this.#options;
    const hearsRelays = !settings.bootServerOnly && settings.relays.length > 0;
    const foreign = hearsRelays ? sockets.foreign(settings.ports.dhcp) : [];
    const facts: SocketFacts = {
      broadcastHearsUnicast: sockets.broadcastHearsUnicast,
      deviceNumber: (name) => sockets.deviceNumber(name),
      isTaken: (address) => foreign.some((other) => other.address === '0.0.0.0' || other.address === address),
    };
    return wantedSockets(settings, served, facts);
  }

  async #bind(wanted: Wanted): Promise<Open> {
    const { sockets, onArrival } = this.#options;
    const { kind, wire, port } = wanted;
    const onDatagram = (datagram: Uint8Array, source: Address) => {
      onArrival({ datagram, source, port: kind === 'boot-server' ? 4011 : 67, wire: this.#current(wanted), send: socket.send });
    };
    const socket: WireSocket =
      kind === 'broadcast'
        ? await sockets.openBroadcast(wire, port, onDatagram)
        : await sockets.openUnicast(wire.address, port, kind === 'unicast', onDatagram);
    return { ...wanted, socket };
  }

  /** The address of an interface may have changed since its socket for broadcasts was bound. */
  #current({ kind, wire }: Wanted): Wire {
    if (kind !== 'broadcast') return wire;
    const address = this.#served.find(({ device }) => device === wire.device)?.addresses[0];
    return address === undefined ? wire : { ...wire, address };
  }

  #explained(error: unknown, wanted: Wanted): unknown {
    if (!(error instanceof Error)) return error;
    const { wire, port } = wanted;
    const code = codeOf(error);
    const holder = code === 'EADDRINUSE' ? this.#options.sockets.holder(port) : undefined;
    return Object.assign(error, { address: wire.address, port, holder, remedy: remedyOf(code, wanted) });
  }

  #report({ wire, port }: Wanted, error: unknown): undefined {
    const code = codeOf(error);
    if (code !== 'EADDRNOTAVAIL')
      this.#options.notices.warn({ address: wire.address, port, code }, unbindableProblem(code, [wire.address], port));
  }

  /** Warns of what the operator may expect to work and does not. */
  #warn(): void {
    const settings = this.#settings;
    if (!settings || this.#closed) return;
    const { sockets } = this.#options;
    const all = servedInterfaces(settings, this.#interfaces());
    const [first, ...others] = all.map(({ device }) => device);
    if (first === undefined)
      this.#options.notices.warn({}, 'no interface has an IPv4 address: DHCP is served as soon as one has');
    if (!sockets.tellsWires && others.length > 0) {
      const message = `only ${first} is served by DHCP: without the native transport, the interfaces of requests cannot be distinguished`;
      this.#options.notices.warn({ served: first, others }, message);
    }
    const { dhcp } = settings.ports;
    const open = new Set([...this.#open.values()].map(({ kind }) => kind));
    const isDeaf = open.has('broadcast') && !open.has('unicast') && !sockets.broadcastHearsUnicast;
    if (isDeaf && settings.relays.length > 0)
      this.#options.notices.warn(() => ({ port: dhcp, holder: sockets.holder(dhcp) }), PORT_TAKEN);
  }
}

function closeAll(sockets: Map<string, Open>): void {
  for (const { socket } of sockets.values()) socket.close();
  sockets.clear();
}

function textOf({ address, port }: Address): string {
  return `${address} ${port}`;
}
