/** The ports that the server listens on during the run, and the transfers that use them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../kit/random.ts';

export class Ports {
  /** Where the server listens and will go on listening. */
  #usable: readonly number[];
  /** Transfers that have not received their first bytes, by port: such a port is not closed. */
  readonly #beginning = new Map<number, number>();
  readonly #underWay = new Map<number, number>();

  constructor(usable: readonly number[]) {
    this.#usable = usable;
  }

  /** A transfer begins on any usable port. Call `begun` at its first bytes and `ended` at its end. */
  use(random: Random): { readonly port: number; begun(): void; ended(): void } {
    const port = random.pick(this.#usable);
    let begun = false;
    add(this.#beginning, port, 1);
    add(this.#underWay, port, 1);
    const use = {
      port,
      begun: () => {
        if (!begun) add(this.#beginning, port, -1);
        begun = true;
      },
      ended: () => {
        use.begun();
        add(this.#underWay, port, -1);
      },
    };
    return use;
  }

  /** No transfer begins there any more. Waits until those there have begun; returns how many of them are under way. */
  async leave(ports: readonly number[]): Promise<number> {
    this.#usable = this.#usable.filter((port) => !ports.includes(port));
    let carried = 0;
    for (const port of ports) {
      while ((this.#beginning.get(port) ?? 0) > 0) await sleep(5);
      carried += this.#underWay.get(port) ?? 0;
    }
    return carried;
  }

  /** Transfers may begin on these ports, and on no others. */
  setUsable(ports: readonly number[]): void {
    this.#usable = ports;
  }
}

function add(counts: Map<number, number>, port: number, count: number): void {
  counts.set(port, (counts.get(port) ?? 0) + count);
}
