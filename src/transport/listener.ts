/**
 * One listen setting of a transport, and how it follows the machine's addresses. It knows which addresses it stands
 * for; sockets are the {@link Binding}'s, and what a datagram means is the Engine's business.
 */
import { type Interfaces, type LocalAddress, localAddresses, mayChange } from './addresses.ts';
import type { Binding } from './binding.ts';
import type { Bindings } from './bindings.ts';
import type { Address, Listening, ListenOn, ListenSettings } from './transport.ts';

interface Held {
  readonly local: LocalAddress;
  readonly binding: Binding;
}

export class Listener implements Listening {
  readonly #on: ListenOn;
  readonly #settings: ListenSettings;
  readonly #bindings: Bindings;
  readonly #held = new Map<string, Held>();
  #closed = false;

  constructor(on: ListenOn, settings: ListenSettings, bindings: Bindings) {
    this.#on = on;
    this.#settings = settings;
    this.#bindings = bindings;
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
   * duplicates (RFC 4862 §5.4) cannot be bound yet: `follow` finds it.
   */
  async open(interfaces: Interfaces): Promise<void> {
    if ('fd' in this.#on) {
      const binding = await this.#bindings.acquire(this.#on, this.#settings);
      this.#held.set(binding.address.address, { local: { address: binding.address.address, broadcastOf: undefined }, binding });
      return;
    }
    const locals = localAddresses(this.#on, interfaces);
    if ('interface' in this.#on && locals.length === 0) throw noSuchInterface(this.#on.interface, interfaces);
    let early: unknown;
    try {
      for (const local of locals) {
        await this.#hold(local, this.#on.port).catch((error) => {
          if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL' || !mayChange(this.#on)) throw error;
          early = error;
        });
      }
      if (early !== undefined && this.#held.size === 0) throw early;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Binds addresses that have come, lets go of those that have gone. Returns whether anything changed. */
  async follow(interfaces: Interfaces): Promise<boolean> {
    if (this.#closed || 'fd' in this.#on || !mayChange(this.#on)) return false;
    const locals = localAddresses(this.#on, interfaces);
    let changed = false;
    for (const [address, { binding }] of [...this.#held]) {
      if (locals.some((local) => local.address === address)) continue;
      this.#held.delete(address);
      await binding.leave();
      changed = true;
    }
    for (const local of locals.filter(({ address }) => !this.#held.has(address))) {
      // Too early, perhaps: the next look finds it again.
      const held = await this.#hold(local, this.#on.port).catch(() => false);
      changed ||= held;
    }
    return changed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const left = Array.from(this.#held.values(), ({ binding }) => binding.leave());
    this.#held.clear();
    await Promise.all(left);
  }

  /** Returns whether the address is bound now. */
  async #hold(local: LocalAddress, port: number): Promise<boolean> {
    const { address, broadcastOf, device } = local;
    const owner = broadcastOf === undefined ? undefined : this.#held.get(broadcastOf)?.binding;
    // A port that the operating system chose is not one that anybody would broadcast to.
    if (broadcastOf !== undefined && (!owner || port === 0)) return false;
    try {
      const binding = await this.#bindings.acquire(
        { address, port, device, ...(owner ? { broadcastOf: owner } : {}) },
        this.#settings,
      );
      if (this.#closed) void binding.leave();
      else this.#held.set(address, { local, binding });
      return !this.#closed;
    } catch (error) {
      // The second socket, for broadcasts, is a courtesy.
      if (broadcastOf === undefined) throw error;
      return false;
    }
  }
}

function noSuchInterface(name: string, interfaces: Interfaces): Error {
  const known = Object.keys(interfaces).join(', ') || 'none';
  return Object.assign(new Error(`interface "${name}" has no address; interfaces that have one: ${known}`), { code: 'ENODEV' });
}
