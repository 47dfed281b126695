/**
 * What became of the offers that machines got, so that firmware which takes no offer of one layout is made one of the next. Pure: it
 * is told the time, and remembers no more machines than it was made for.
 */
import type { BootClient } from './boot-client.ts';
import type { Layout } from './offer.ts';

/** What to offer now. */
export interface Attempt {
  readonly layout: Layout;
  /** DISCOVERs since the machine last went on to a REQUEST, this one included. */
  readonly discovers: number;
  /** The layout is another one than the last DISCOVER got: worth a line in the log. */
  readonly isChanged: boolean;
}

interface Machine {
  /** How far it has gone on through {@link ORDER}. */
  step: number;
  discovers: number;
  lastMs: number;
}

/** Firmware asks four times before it gives up (PXE 2.1 §2.2.3), so its last DISCOVER already gets the next layout. */
export const DISCOVERS_PER_LAYOUT = 3;
/** Firmware waits for at most 32 s between DISCOVERs of one attempt. */
const ATTEMPT_MS = 60_000;
/** From what most firmware takes to what few want. */
const ORDER: readonly Layout[] = ['direct', 'binl', 'menu'];

export class Attempts {
  readonly #machines = new Map<string, Machine>();
  readonly #capacity: number;

  /** @param capacity machines remembered; of more, those seen longest ago are forgotten */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#machines.size;
  }

  /**
   * A DISCOVER.
   * @param first the layout that the config wants for the machine
   */
  discover(client: BootClient, first: Layout, nowMs: number): Attempt {
    const { mac } = client;
    if (mac === undefined || !hasLayouts(client)) return { layout: first, discovers: 1, isChanged: false };
    const machine = this.#machines.get(mac) ?? { step: 0, discovers: 0, lastMs: nowMs };
    const isNew = nowMs - machine.lastMs > ATTEMPT_MS;
    const isChanged = !isNew && machine.discovers > 0 && machine.discovers % DISCOVERS_PER_LAYOUT === 0;
    machine.discovers = isNew ? 1 : machine.discovers + 1;
    if (isChanged) machine.step = (machine.step + 1) % ORDER.length;
    machine.lastMs = nowMs;
    this.#remember(mac, machine);
    const layout = ORDER[(ORDER.indexOf(first) + machine.step) % ORDER.length]!;
    return { layout, discovers: machine.discovers, isChanged };
  }

  /** The machine has gone on: it sent a REQUEST, or asked port 4011. The layout that it got stays its own. */
  goesOn(mac: string): void {
    const machine = this.#machines.get(mac);
    if (machine) machine.discovers = 0;
  }

  #remember(mac: string, machine: Machine): void {
    this.#machines.delete(mac);
    this.#machines.set(mac, machine);
    if (this.#machines.size <= this.#capacity) return;
    for (const oldest of this.#machines.keys()) {
      this.#machines.delete(oldest);
      break;
    }
  }
}

/** A Pi takes one form only, iPXE any, and UEFI's HTTP Boot knows no others. */
function hasLayouts({ vendorClass, firmware, isIpxe }: BootClient): boolean {
  return vendorClass === 'PXEClient' && firmware !== 'raspberry-pi' && !isIpxe;
}
