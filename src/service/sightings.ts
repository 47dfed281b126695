/**
 * The machines that the process has seen by DHCP: the MAC address, UUID and firmware of each IP address. It outlives generations,
 * and drops the machines not seen for the longest time.
 */
import type { Clock } from '../base/clock.ts';
import type { Sighting, SightingsView } from '../plugin/types.ts';

/** What a service has just seen of a machine. Omitted facts are kept from before. */
export type Seen = Omit<Sighting, 'ageMs'>;

export interface SightingsOptions {
  readonly clock: Clock;
  /** Maximum machines. */
  readonly machines?: number;
  /** A machine is dropped after this time, because its address may belong to another one by then. */
  readonly forgetMs?: number;
}

/** Enough for a data centre; about 10 MiB. */
const MACHINES = 16_384;
const DAY_MS = 86_400_000;

interface Remembered {
  readonly seen: Seen;
  readonly atMs: number;
}

export class Sightings implements SightingsView {
  readonly #clock: Clock;
  #capacity: number;
  readonly #forgetMs: number;
  /** By {@link keyOf}, the least recently seen first. */
  readonly #machines = new Map<string, Remembered>();
  /** The machine that last had each address. */
  readonly #byAddress = new Map<string, string>();

  constructor({ clock, machines = MACHINES, forgetMs = DAY_MS }: SightingsOptions) {
    this.#clock = clock;
    this.#capacity = machines;
    this.#forgetMs = forgetMs;
  }

  /** Changes how many machines are remembered at most. */
  limit(machines = MACHINES): void {
    this.#capacity = machines;
    this.#trim();
  }

  get size(): number {
    return this.#machines.size;
  }

  /** A machine without a MAC address is identified by its UUID; one without either is not stored. */
  see(seen: Seen): void {
    const key = keyOf(seen);
    if (key === undefined) return;
    const before = this.#machines.get(key)?.seen;
    const said = Object.fromEntries(Object.entries(seen).filter(([, value]) => value !== undefined));
    this.#forget(key);
    const merged: Seen = { ...before, ...said, service: seen.service };
    this.#machines.set(key, { seen: merged, atMs: this.#clock.now() });
    if (merged.address !== undefined) this.#give(merged.address, key);
    this.#trim();
  }

  byAddress(address: string): Sighting | undefined {
    const remembered = this.#machines.get(this.#byAddress.get(address) ?? '');
    return remembered && this.#current(remembered);
  }

  #current({ seen, atMs }: Remembered): Sighting | undefined {
    const ageMs = Math.max(0, this.#clock.now() - atMs);
    return ageMs > this.#forgetMs ? undefined : { ...seen, ageMs };
  }

  #trim(): void {
    while (this.#machines.size > this.#capacity) this.#forget(this.#machines.keys().next().value!);
  }

  /** The address is removed from the machine that had it before. */
  #give(address: string, key: string): void {
    const former = this.#machines.get(this.#byAddress.get(address) ?? '');
    if (former && keyOf(former.seen) !== key) {
      const { address: _, ...seen } = former.seen;
      // Its position stays the same, because it has not been seen again.
      this.#machines.set(keyOf(seen)!, { ...former, seen });
    }
    this.#byAddress.set(address, key);
  }

  #forget(key: string): void {
    const { address } = this.#machines.get(key)?.seen ?? {};
    if (address !== undefined && this.#byAddress.get(address) === key) this.#byAddress.delete(address);
    this.#machines.delete(key);
  }
}

function keyOf({ mac, uuid }: Seen): string | undefined {
  return mac ?? uuid;
}
