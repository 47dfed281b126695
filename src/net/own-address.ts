/**
 * Which of the machine's own addresses another machine reaches it by, where a socket for all addresses does not tell.
 */
import { networkInterfaces } from 'node:os';
import { parseAddress, parseNetwork } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import type { Interfaces } from './addresses.ts';

/** Asking the system takes longer than a small request may. */
const KNOWN_MS = 1000;

export class OwnAddresses {
  readonly #clock: Clock;
  readonly #read: () => Interfaces;
  #known: { readonly interfaces: Interfaces; readonly atMs: number } | undefined;

  /** @param read the system's interfaces, unless they are simulated */
  constructor(clock: Clock, read: () => Interfaces = networkInterfaces) {
    this.#clock = clock;
    this.#read = read;
  }

  /**
   * The own address on the network of `peer`. Of one that is behind a router, the first of its family that other machines reach; the
   * router's own choice may be another where there are several. `undefined` if there is none.
   */
  facing(peer: string): string | undefined {
    const parsed = parseAddress(peer);
    if (parsed === undefined) return undefined;
    const own = Object.values(this.#interfaces()).flatMap((infos) => infos ?? []);
    const family = parsed.family === 'ipv4' ? 'IPv4' : 'IPv6';
    const alike = own.filter((info) => info.family === family);
    const near = alike.find(({ cidr }) => parseNetwork(cidr ?? '')?.contains(parsed));
    const found = near ?? alike.find(({ internal, address }) => !internal && !/^fe80:/i.test(address));
    return found?.address;
  }

  #interfaces(): Interfaces {
    const now = this.#clock.now();
    if (this.#known === undefined || now - this.#known.atMs > KNOWN_MS) this.#known = { interfaces: this.#read(), atMs: now };
    return this.#known.interfaces;
  }
}

/** Whether an address stands for all of a machine's. */
export function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === '';
}
