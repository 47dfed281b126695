/**
 * What a server listens on, by setting: what a new config lists as well stays open, what is new is bound before anything is closed.
 */
import type { Address, Listening, ListenOn } from '../net/listening.ts';
import type { ListenSettings } from './transport/binding.ts';
import type { Transport } from './transport/transport.ts';

/** Everything that a config lists is bound; `commit` or `abandon` it, once, with nothing else in between. */
export interface PreparedListeners {
  /** Makes it what is listened on, and closes the rest. Returns the addresses that were not listened on before. */
  commit(): readonly Address[];
  /** Closes what was bound for it. */
  abandon(): Promise<void>;
}

export class Listeners {
  readonly #transport: Pick<Transport, 'listen'>;
  readonly #settings: ListenSettings;
  /** By setting, as text. */
  #current = new Map<string, Listening>();

  constructor(transport: Pick<Transport, 'listen'>, settings: ListenSettings) {
    this.#transport = transport;
    this.#settings = settings;
  }

  get addresses(): readonly Address[] {
    return [...this.#current.values()].flatMap(({ addresses }) => addresses);
  }

  /** Rejects with Node's system error, and nothing new bound, if one of them cannot be. */
  async prepare(settings: readonly ListenOn[]): Promise<PreparedListeners> {
    const next = new Map<string, Listening>();
    const fresh: Listening[] = [];
    const abandon = async () => void (await Promise.all(fresh.map((listening) => listening.close())));
    try {
      for (const on of settings) {
        const key = JSON.stringify(on);
        const standing = this.#current.get(key) ?? next.get(key);
        const listening = standing ?? (await this.#transport.listen(on, this.#settings));
        if (!standing) fresh.push(listening);
        next.set(key, listening);
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    return { commit: () => this.#commit(next), abandon };
  }

  close(): void {
    for (const listening of this.#current.values()) void listening.close();
  }

  #commit(next: Map<string, Listening>): readonly Address[] {
    const known = new Set(this.addresses.map(textOf));
    for (const [key, listening] of this.#current) if (next.get(key) !== listening) void listening.close();
    this.#current = next;
    return this.addresses.filter((address) => !known.has(textOf(address)));
  }
}

function textOf({ address, port }: Address): string {
  return `${port} ${address}`;
}
