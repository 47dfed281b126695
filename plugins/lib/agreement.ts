/**
 * Compares what several sources say about a client's MAC address, and logs each disagreement once. It does not affect the answer,
 * and clients do not wait for it.
 */
import type { Log } from 'pxe';

/** The statement of a source. */
export interface Statement {
  /** Name of the source for people. */
  readonly source: string;
  readonly mac: string | undefined;
}

/** Another source that can be asked. */
export interface Witness {
  /** Whether it answers from memory. */
  readonly ready: boolean;
  ask(): Promise<Statement>;
}

const ASK_EVERY_MS = 60_000;
const MAX_ADDRESSES = 4096;
const MAX_REPORTED = 4096;

export class Agreement {
  readonly #log: Log;
  /** When the witnesses of an address were last asked. */
  readonly #asked = new Map<string, number>();
  readonly #reported = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Asks sources that answer from memory each time, and others once a minute for each address and MAC address. Never rejects. */
  async check(address: string, first: Statement, witnesses: readonly Witness[]): Promise<void> {
    if (first.mac === undefined) return;
    const due = this.#isDue(`${address} ${first.mac}`);
    await Promise.allSettled(
      witnesses
        .filter(({ ready }) => ready || due)
        .map(async (witness) => {
          const other = await witness.ask();
          if (other.mac !== undefined && other.mac !== first.mac) this.#report(address, first, other);
        }),
    );
  }

  #isDue(key: string): boolean {
    const now = performance.now();
    if (now - (this.#asked.get(key) ?? Number.NEGATIVE_INFINITY) < ASK_EVERY_MS) return false;
    this.#asked.delete(key);
    this.#asked.set(key, now);
    if (this.#asked.size > MAX_ADDRESSES) this.#asked.delete(this.#asked.keys().next().value!);
    return true;
  }

  #report(client: string, { source, mac }: Statement, { source: otherSource, mac: otherMac }: Statement): void {
    const key = [client, source, mac, otherSource, otherMac].join(' ');
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    if (this.#reported.size > MAX_REPORTED) this.#reported.delete(this.#reported.keys().next().value!);
    this.#log.warn({ client, source, mac, otherSource, otherMac }, 'sources disagree about the MAC address');
  }
}
