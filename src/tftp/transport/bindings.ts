/**
 * Every binding of a transport, by address, port and device, so that settings that overlap share one.
 */
import type { Binder, BindTo } from '../../net/listener.ts';
import { Binding, type ListenSettings, type Sockets } from './binding.ts';

/**
 * A forged ACK must hit the one port of 64. And a peer's next transfer gets another one, so that late packets of the last find
 * their transfer.
 */
const MOST_DATA_SOCKETS = 64;
const LEAST_DATA_SOCKETS = 4;
/** So many for all addresses, where the least of each allows it. */
const SOCKETS_IN_ALL = 512;

export class Bindings {
  readonly #sockets: Sockets;
  /** The latest of each address. */
  readonly #listening = new Map<string, Binding>();
  /** Addresses being bound; further requests for one wait for its result. */
  readonly #opening = new Map<string, Promise<unknown>>();
  /** Those, and those that wait for their last transfer. */
  readonly #all = new Set<Binding>();
  /** Open, or about to be. */
  #opened = 0;

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** Binds addresses with these settings. */
  with(settings: ListenSettings): Binder<Binding> {
    const all = this.#all;
    const { rights, deviceNumber } = this.#sockets;
    return {
      get size() {
        return all.size;
      },
      acquire: (to, sharers) => this.#acquire(to, settings, sharers),
      mustKeep: (port) => !rights.mayBind(port),
      deviceNumber: (name) => deviceNumber?.(name),
    };
  }

  /** The binding of an address, bound if need be; `leave` gives it back. */
  async #acquire(to: BindTo<Binding>, settings: ListenSettings, sharers: number): Promise<Binding> {
    const key = this.#keyOf(to);
    if (key === undefined) return this.#open(to, settings, sharers, key);
    for (let other = this.#opening.get(key); other; other = this.#opening.get(key)) await other;
    const standing = this.#listening.get(key);
    if (standing?.joinable) {
      await standing.join();
      return standing;
    }
    const binding = this.#open(to, settings, sharers, key);
    const settled = () => this.#opening.delete(key);
    this.#opening.set(key, binding.then(settled, settled));
    return binding;
  }

  destroy(): void {
    for (const binding of [...this.#all]) void binding.destroy();
  }

  async #open(to: BindTo<Binding>, settings: ListenSettings, sharers: number, key: string | undefined): Promise<Binding> {
    const dataSockets = this.#dataSocketsFor(to, settings, sharers);
    this.#opened += 1 + dataSockets;
    const binding: Binding = await Binding.open(to, settings, this.#sockets, dataSockets, () => {
      if (this.#all.delete(binding)) this.#opened -= binding.sockets;
      if (key !== undefined && this.#listening.get(key) === binding) this.#listening.delete(key);
    }).catch((error) => {
      this.#opened -= 1 + dataSockets;
      throw error;
    });
    this.#opened -= 1 + dataSockets - binding.sockets;
    this.#all.add(binding);
    if (key !== undefined) this.#listening.set(key, binding);
    return binding;
  }

  /** None where the listening socket replies, or another address's. Throws `EMFILE` if there are not enough descriptors. */
  #dataSocketsFor(to: BindTo<Binding>, { singlePort }: ListenSettings, sharers: number): number {
    // Of few descriptors half: the least that addresses need goes first, and files need some, too.
    const all = Math.min(SOCKETS_IN_ALL, Math.floor(this.#sockets.rights.sockets / 2));
    const share = Math.floor((all - this.#opened) / sharers) - 1;
    const wanted = Math.max(LEAST_DATA_SOCKETS, Math.min(MOST_DATA_SOCKETS, share));
    const dataSockets = singlePort || 'broadcastOf' in to ? 0 : wanted;
    if (this.#opened + 1 + dataSockets <= this.#sockets.rights.sockets) return dataSockets;
    throw Object.assign(new Error('no descriptors are left for sockets: the rest are reserved for files'), {
      code: 'EMFILE',
      ...to,
    });
  }

  /** Port 0 is a new one each time, and so is a descriptor. */
  #keyOf(to: BindTo<Binding>): string | undefined {
    if ('fd' in to || to.port === 0) return undefined;
    const device = this.#sockets.deviceNumber ? to.device : undefined;
    return `${to.port} ${to.address} ${device ?? ''} ${to.link ?? ''}`;
  }
}
