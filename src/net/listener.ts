/**
 * One listen setting, kept in step with the machine's addresses. The {@link Binder} decides how each address is bound, and the
 * service what a datagram means.
 */
import { type Interfaces, type LocalAddress, localAddresses, mayChange } from './addresses.ts';
import type { Address, AddressChange, Listening, ListenOn } from './listening.ts';
import { codeOf, type Unbindable, unbindableProblem } from './unbindable.ts';

/** The sockets of one address. */
export interface Bound {
  readonly address: Address;
  /** Stops accepting requests here; resolves when done. */
  leave(): Promise<void>;
}

/**
 * What to bind. Broadcasts need a separate socket: `broadcastOf` is the binding of the interface's own address. `link` is the
 * index of the interface that the sockets will be bound to, if any.
 */
export type BindTo<B extends Bound> =
  | {
      readonly address: string;
      readonly port: number;
      readonly device?: string | undefined;
      readonly link?: number | undefined;
      readonly broadcastOf?: B;
    }
  | { readonly fd: number };

/** Binds addresses; overlapping settings share bindings. */
export interface Binder<B extends Bound> {
  /** Number of current bindings. */
  readonly size: number;
  /**
   * Rejects with Node's system error; with `EMFILE` also when the remaining descriptors are reserved for files.
   * @param sharers number of addresses still to be bound, including this one, which share the available descriptors
   */
  acquire(to: BindTo<B>, sharers: number): Promise<B>;
  /** Whether the sockets of an address that has gone must stay open, because they could not be bound again. */
  mustKeep(port: number): boolean;
  /** The interface index of a device, on systems that bind sockets to devices. */
  deviceNumber(name: string): number | undefined;
}

/** Reports a condition of this machine that the operator may want to fix. */
export type Notice = (fields: object, message: string) => void;

interface BoundLocal<B extends Bound> {
  readonly local: LocalAddress;
  readonly binding: B;
  /** The index of the interface that the sockets are bound to. They stop working once it has gone. */
  readonly link?: number | undefined;
}

export class Listener<B extends Bound> implements Listening {
  readonly #on: ListenOn;
  readonly #binder: Binder<B>;
  readonly #notice: Notice;
  readonly #bound = new Map<string, BoundLocal<B>>();
  /** Sockets of addresses that have gone but could not be bound again: they work again when the address returns. */
  readonly #kept = new Map<string, BoundLocal<B>>();
  /** Error codes of addresses that could not be bound, for those already reported. */
  readonly #reported = new Map<string, string>();
  #closed = false;

  constructor(on: ListenOn, binder: Binder<B>, notice: Notice) {
    this.#on = on;
    this.#binder = binder;
    this.#notice = notice;
  }

  get addresses(): readonly Address[] {
    const unicast = [...this.#bound.values()].filter(({ local }) => local.broadcastOf === undefined);
    return unicast.map(({ binding }) => binding.address);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Binds all addresses of the setting, or none. A new IPv6 address is not bindable until duplicate address detection ends (RFC
   * 4862 §5.4); if there are others, `follow` binds it later. Addresses that lack descriptors are reported.
   */
  async open(interfaces: Interfaces): Promise<void> {
    if ('fd' in this.#on) {
      const binding = await this.#binder.acquire(this.#on, 1);
      this.#bound.set(binding.address.address, { local: { address: binding.address.address, broadcastOf: undefined }, binding });
      return;
    }
    const locals = localAddresses(this.#on, interfaces);
    if ('interface' in this.#on && locals.length === 0) throw noSuchInterface(this.#on.interface, interfaces);
    const unbindable: Unbindable[] = [];
    try {
      for (const [i, local] of locals.entries()) {
        await this.#bind(local, this.#on.port, locals.length - i).catch((error) => {
          if (!['EADDRNOTAVAIL', 'EMFILE'].includes(codeOf(error)) || !mayChange(this.#on)) throw error;
          unbindable.push({ address: local.address, error });
        });
      }
      const [first] = unbindable;
      // If other settings use all the descriptors, the server runs on those.
      const others = first !== undefined && codeOf(first.error) === 'EMFILE' && this.#binder.size > 0;
      if (first !== undefined && this.#bound.size === 0 && !others) throw first.error;
      this.#report(unbindable, this.#on.port);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Binds new addresses and releases those that have gone. Returns the changes, if there are any. */
  async follow(interfaces: Interfaces): Promise<AddressChange | undefined> {
    if (this.#closed || 'fd' in this.#on || !mayChange(this.#on)) return undefined;
    const { port } = this.#on;
    const locals = localAddresses(this.#on, interfaces);
    const present = new Map(locals.map((local) => [local.address, local]));
    const before = this.addresses;
    for (const [address, bound] of [...this.#bound]) {
      const local = present.get(address);
      if (local !== undefined && this.#linkOf(local) === bound.link) continue;
      this.#bound.delete(address);
      if (local === undefined && this.#binder.mustKeep(port)) this.#kept.set(address, bound);
      else await bound.binding.leave();
    }
    for (const address of [...this.#reported.keys()]) if (!present.has(address)) this.#reported.delete(address);
    const missing = locals.filter(({ address }) => !this.#bound.has(address));
    const unbindable: Unbindable[] = [];
    for (const [i, local] of missing.entries()) {
      await this.#bind(local, port, missing.length - i).catch((error) => unbindable.push({ address: local.address, error }));
    }
    if (this.#closed) {
      await this.#leaveAll();
      return undefined;
    }
    this.#report(unbindable, port);
    const now = this.addresses;
    const without = (some: readonly Address[], others: readonly Address[]) =>
      some.filter(({ address }) => others.every((other) => other.address !== address));
    const change = { came: without(now, before), gone: without(before, now) };
    return change.came.length + change.gone.length > 0 ? change : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#leaveAll();
  }

  async #leaveAll(): Promise<void> {
    const left = [...this.#bound.values(), ...this.#kept.values()].map(({ binding }) => binding.leave());
    this.#bound.clear();
    this.#kept.clear();
    await Promise.all(left);
  }

  /** Reports each unbindable address once, except while it is too early to bind it: `follow` will retry. */
  #report(unbindable: readonly Unbindable[], port: number): void {
    const news = unbindable.filter(({ address, error }) => {
      const code = codeOf(error);
      return code !== 'EADDRNOTAVAIL' && this.#reported.get(address) !== code;
    });
    for (const [code, some] of Map.groupBy(news, ({ error }) => codeOf(error))) {
      const addresses = some.map(({ address }) => address);
      for (const address of addresses) this.#reported.set(address, code);
      this.#notice({ addresses, port, code }, unbindableProblem(code, addresses, port));
    }
  }

  /**
   * Returns whether the address is bound now.
   * @param sharers number of addresses still to be bound, including this one
   */
  async #bind(local: LocalAddress, port: number, sharers: number): Promise<boolean> {
    const { address, broadcastOf, device } = local;
    const link = this.#linkOf(local);
    const kept = this.#kept.get(address);
    this.#kept.delete(address);
    if (kept !== undefined && kept.link === link) {
      this.#bound.set(address, kept);
      return true;
    }
    await kept?.binding.leave();
    const owner = broadcastOf === undefined ? undefined : this.#bound.get(broadcastOf)?.binding;
    // Clients do not broadcast to a port that the system chose.
    if (broadcastOf !== undefined && (!owner || port === 0)) return false;
    try {
      const binding = await this.#binder.acquire(
        { address, port, device, link, ...(owner ? { broadcastOf: owner } : {}) },
        sharers,
      );
      this.#reported.delete(address);
      if (this.#closed) void binding.leave();
      else this.#bound.set(address, { local, binding, link });
      return !this.#closed;
    } catch (error) {
      // The additional broadcast socket is optional.
      if (broadcastOf === undefined) throw error;
      return false;
    }
  }

  #linkOf({ link, device }: LocalAddress): number | undefined {
    return link ?? (device === undefined ? undefined : this.#binder.deviceNumber(device));
  }
}

function noSuchInterface(name: string, interfaces: Interfaces): Error {
  const known = Object.keys(interfaces).join(', ') || 'none';
  return Object.assign(new Error(`interface "${name}" has no address; interfaces that have one: ${known}`), { code: 'ENODEV' });
}
