/**
 * Every binding of a transport, by address, port and device, so that settings that overlap share one.
 */
import { Binding, type BindTo, type Sockets } from './binding.ts';
import type { ListenSettings } from './transport.ts';

export class Bindings {
  readonly #sockets: Sockets;
  /** The latest of each address. */
  readonly #listening = new Map<string, Binding>();
  /** Being bound now: whoever wants the same address waits for what comes of it. */
  readonly #opening = new Map<string, Promise<unknown>>();
  /** Those, and those that wait for their last transfer. */
  readonly #all = new Set<Binding>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
  }

  /** Sockets are open. */
  get size(): number {
    return this.#all.size;
  }

  /** The binding of an address, bound if need be; `leave` gives it back. */
  async acquire(to: BindTo, settings: ListenSettings): Promise<Binding> {
    const key = this.#keyOf(to);
    if (key === undefined) return this.#open(to, settings, key);
    for (let other = this.#opening.get(key); other; other = this.#opening.get(key)) await other;
    const standing = this.#listening.get(key);
    if (standing?.joinable) {
      await standing.join();
      return standing;
    }
    const binding = this.#open(to, settings, key);
    const settled = () => this.#opening.delete(key);
    this.#opening.set(key, binding.then(settled, settled));
    return binding;
  }

  destroy(): void {
    for (const binding of [...this.#all]) void binding.destroy();
  }

  async #open(to: BindTo, settings: ListenSettings, key: string | undefined): Promise<Binding> {
    const binding: Binding = await Binding.open(to, settings, this.#sockets, () => {
      this.#all.delete(binding);
      if (key !== undefined && this.#listening.get(key) === binding) this.#listening.delete(key);
    });
    this.#all.add(binding);
    if (key !== undefined) this.#listening.set(key, binding);
    return binding;
  }

  /** Port 0 is a new one each time, and so is a descriptor. */
  #keyOf(to: BindTo): string | undefined {
    if ('fd' in to || to.port === 0) return undefined;
    const device = this.#sockets.devices ? to.device : undefined;
    return `${to.port} ${to.address} ${device ?? ''}`;
  }
}
