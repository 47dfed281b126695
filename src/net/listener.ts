/**
 * One listen setting, and how it follows the machine's addresses. It knows which addresses it stands for; how each is bound is the
 * {@link Binder}'s business, and what a datagram means is the service's.
 */
import { type Interfaces, type LocalAddress, localAddresses, mayChange } from './addresses.ts';
import type { Address, AddressChange, Listening, ListenOn } from './listening.ts';
import { codeOf, type Unbindable, unbindableProblem } from './unbindable.ts';

/** What is bound for one address. */
export interface Bound {
  readonly address: Address;
  /** Resolves when nothing is taken here any more. */
  leave(): Promise<void>;
}

/**
 * What to bind. Broadcasts come to a socket of their own: `broadcastOf` is what is bound for the interface's own address. `link` is the
 * number of the interface that the sockets will be tied to, if they will be to one.
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

/** Binds addresses; settings that overlap share what is bound. */
export interface Binder<B extends Bound> {
  /** Something is bound. */
  readonly size: number;
  /**
   * Rejects with Node's system error; `EMFILE` also where the descriptors that are left are for files.
   * @param sharers addresses that are still to be bound, this one included: they share what there is
   */
  acquire(to: BindTo<B>, sharers: number): Promise<B>;
  /** Sockets of an address that has gone must be kept: they could not be bound again. */
  mustKeep(port: number): boolean;
  /** The number of a device, where sockets are bound to devices. */
  deviceNumber(name: string): number | undefined;
}

/** Told of something about this machine that a person may want to change. */
export type Notice = (fields: object, message: string) => void;

interface Held<B extends Bound> {
  readonly local: LocalAddress;
  readonly binding: B;
  /** The number of the interface that the sockets are tied to. Once that interface has gone, they are dead. */
  readonly link?: number | undefined;
}

export class Listener<B extends Bound> implements Listening {
  readonly #on: ListenOn;
  readonly #binder: Binder<B>;
  readonly #notice: Notice;
  readonly #held = new Map<string, Held<B>>();
  /** Of addresses that have gone, where they could not be bound again: a socket works again when its address is back. */
  readonly #kept = new Map<string, Held<B>>();
  /** Why an address could not be bound, for those that a person was told of. */
  readonly #told = new Map<string, string>();
  #closed = false;

  constructor(on: ListenOn, binder: Binder<B>, notice: Notice) {
    this.#on = on;
    this.#binder = binder;
    this.#notice = notice;
  }

  get addresses(): readonly Address[] {
    const unicast = [...this.#held.values()].filter(({ local }) => local.broadcastOf === undefined);
    return unicast.map(({ binding }) => binding.address);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Binds everything that the setting stands for; all of it, or nothing. Of several addresses, one that is still being checked for
   * duplicates (RFC 4862 §5.4) cannot be bound yet: `follow` finds it. Those that there are no descriptors for are told.
   */
  async open(interfaces: Interfaces): Promise<void> {
    if ('fd' in this.#on) {
      const binding = await this.#binder.acquire(this.#on, 1);
      this.#held.set(binding.address.address, { local: { address: binding.address.address, broadcastOf: undefined }, binding });
      return;
    }
    const locals = localAddresses(this.#on, interfaces);
    if ('interface' in this.#on && locals.length === 0) throw noSuchInterface(this.#on.interface, interfaces);
    const unbindable: Unbindable[] = [];
    try {
      for (const [i, local] of locals.entries()) {
        await this.#hold(local, this.#on.port, locals.length - i).catch((error) => {
          if (!['EADDRNOTAVAIL', 'EMFILE'].includes(codeOf(error)) || !mayChange(this.#on)) throw error;
          unbindable.push({ address: local.address, error });
        });
      }
      const [first] = unbindable;
      // Where other settings have taken all descriptors, it serves by those.
      const others = first !== undefined && codeOf(first.error) === 'EMFILE' && this.#binder.size > 0;
      if (first !== undefined && this.#held.size === 0 && !others) throw first.error;
      this.#tell(unbindable, this.#on.port);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Binds addresses that have come, lets go of those that have gone. Returns what changed, if anything did. */
  async follow(interfaces: Interfaces): Promise<AddressChange | undefined> {
    if (this.#closed || 'fd' in this.#on || !mayChange(this.#on)) return undefined;
    const { port } = this.#on;
    const locals = localAddresses(this.#on, interfaces);
    const present = new Map(locals.map((local) => [local.address, local]));
    const before = this.addresses;
    for (const [address, held] of [...this.#held]) {
      const local = present.get(address);
      if (local !== undefined && this.#linkOf(local) === held.link) continue;
      this.#held.delete(address);
      if (local === undefined && this.#binder.mustKeep(port)) this.#kept.set(address, held);
      else await held.binding.leave();
    }
    for (const address of [...this.#told.keys()]) if (!present.has(address)) this.#told.delete(address);
    const missing = locals.filter(({ address }) => !this.#held.has(address));
    const unbindable: Unbindable[] = [];
    for (const [i, local] of missing.entries()) {
      await this.#hold(local, port, missing.length - i).catch((error) => unbindable.push({ address: local.address, error }));
    }
    if (this.#closed) {
      await this.#leaveAll();
      return undefined;
    }
    this.#tell(unbindable, port);
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
    const left = [...this.#held.values(), ...this.#kept.values()].map(({ binding }) => binding.leave());
    this.#held.clear();
    this.#kept.clear();
    await Promise.all(left);
  }

  /** Warns of addresses that cannot be bound, once each, unless it is too early: the next look finds those again. */
  #tell(unbindable: readonly Unbindable[], port: number): void {
    const news = unbindable.filter(({ address, error }) => {
      const code = codeOf(error);
      return code !== 'EADDRNOTAVAIL' && this.#told.get(address) !== code;
    });
    for (const [code, some] of Map.groupBy(news, ({ error }) => codeOf(error))) {
      const addresses = some.map(({ address }) => address);
      for (const address of addresses) this.#told.set(address, code);
      this.#notice({ addresses, port, code }, unbindableProblem(code, addresses, port));
    }
  }

  /**
   * Returns whether the address is bound now.
   * @param sharers addresses that are still to be bound, this one included
   */
  async #hold(local: LocalAddress, port: number, sharers: number): Promise<boolean> {
    const { address, broadcastOf, device } = local;
    const link = this.#linkOf(local);
    const kept = this.#kept.get(address);
    this.#kept.delete(address);
    if (kept !== undefined && kept.link === link) {
      this.#held.set(address, kept);
      return true;
    }
    await kept?.binding.leave();
    const owner = broadcastOf === undefined ? undefined : this.#held.get(broadcastOf)?.binding;
    // A port that the operating system chose is not one that anybody would broadcast to.
    if (broadcastOf !== undefined && (!owner || port === 0)) return false;
    try {
      const binding = await this.#binder.acquire(
        { address, port, device, link, ...(owner ? { broadcastOf: owner } : {}) },
        sharers,
      );
      this.#told.delete(address);
      if (this.#closed) void binding.leave();
      else this.#held.set(address, { local, binding, link });
      return !this.#closed;
    } catch (error) {
      // The second socket, for broadcasts, is a courtesy.
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
