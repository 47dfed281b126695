/**
 * The second service in a simulation: clients that ask it for names, and some of them leave before they are answered. What is asked is
 * in the ledger with what machines ask by TFTP, so that leases, contents and observers are held to the same.
 */
import type { Listening } from '../../src/net/listening.ts';
import type { EchoWire, OnName } from '../kit/echo.ts';
import type { World } from './world.ts';

/** Not of the machines: TFTP's clients choose among addresses of theirs. */
const ADDRESS = '192.168.0.1';

export class SimulatedEcho implements EchoWire {
  readonly #world: World;
  readonly #random;
  /** By port, what is called with a name. */
  readonly #open = new Map<number, OnName>();
  #asked = 0;
  #told = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random('echo');
  }

  async listen(port: number, onName: OnName): Promise<Listening> {
    await this.#world.work(this.#random.int(0, 5));
    this.#world.check(!this.#open.has(port), () => `the echo port ${port} is bound twice`);
    this.#open.set(port, onName);
    return { addresses: [{ address: ADDRESS, port }], close: async () => void this.#open.delete(port) };
  }

  /** Names are asked for at moments of their own. */
  plan(names: readonly string[], withinMs: number): void {
    for (let i = this.#random.int(4, 8); i > 0; i--) {
      const name = this.#random.pick(names);
      this.#world.network.after(this.#random() * withinMs, () => this.#world.atServer(() => this.#ask(name)));
    }
  }

  leftovers(): string[] {
    const left = [...this.#open.keys()].map((port) => `the echo port ${port}`);
    return this.#asked === this.#told ? left : [...left, `${this.#asked - this.#told} echo clients that were told nothing`];
  }

  #ask(name: string): void {
    const [onName] = this.#open.values();
    if (!onName) return;
    const world = this.#world;
    const exchange = onName(name, { address: '10.0.9.9', port: 50_000 + ++this.#asked }, (text) => {
      this.#told++;
      world.count(text === undefined ? 'echo: left' : 'echo: told');
      world.note(`echo ${exchange.id} ${text}`);
    });
    world.ledger.requested(exchange);
    exchange.answer();
    if (this.#random.chance(0.2)) world.network.after(this.#random.int(1, 300), () => world.atServer(() => exchange.leave()));
  }
}
