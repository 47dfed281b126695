/**
 * Tracks what became of the offers to each machine, so that firmware that ignores one layout gets another. Pure: the caller
 * passes the time, and memory is bounded.
 */
import { type BootLayout, bootLayouts } from '../../base/boot-layout.ts';
import type { BootClient } from './boot-client.ts';

/** What to offer now. */
export interface Attempt {
  readonly layout: BootLayout;
  /** DISCOVERs since the machine's last REQUEST, including this one. */
  readonly discovers: number;
  /** Whether the layout differs from that of the last DISCOVER, which is worth a line in the log. */
  readonly isChanged: boolean;
}

interface Machine {
  /** Position in {@link bootLayouts}. */
  step: number;
  discovers: number;
  lastMs: number;
}

/** Firmware gives up after four DISCOVERs (PXE 2.1 §2.2.3), so its last one already gets the next layout. */
export const DISCOVERS_PER_LAYOUT = 3;
/** Firmware waits for at most 32 s between DISCOVERs of one attempt. */
const ATTEMPT_MS = 60_000;

export class Attempts {
  readonly #machines = new Map<string, Machine>();
  readonly #capacity: number;

  /** @param capacity maximum number of machines; beyond it, the least recently seen are forgotten */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#machines.size;
  }

  /**
   * Handles a DISCOVER.
   * @param first the layout that the config sets for the machine
   */
  discover(client: BootClient, first: BootLayout, nowMs: number): Attempt {
    const { mac } = client;
    if (mac === undefined || !hasLayouts(client)) return { layout: first, discovers: 1, isChanged: false };
    const machine = this.#machines.get(mac) ?? { step: 0, discovers: 0, lastMs: nowMs };
    const isNew = nowMs - machine.lastMs > ATTEMPT_MS;
    const isChanged = !isNew && machine.discovers > 0 && machine.discovers % DISCOVERS_PER_LAYOUT === 0;
    machine.discovers = isNew ? 1 : machine.discovers + 1;
    if (isChanged) machine.step = (machine.step + 1) % bootLayouts.length;
    machine.lastMs = nowMs;
    this.#remember(mac, machine);
    const layout = bootLayouts[(bootLayouts.indexOf(first) + machine.step) % bootLayouts.length]!;
    return { layout, discovers: machine.discovers, isChanged };
  }

  /** The machine has proceeded: it sent a REQUEST, or asked port 4011. It keeps its layout. */
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

/** A Raspberry Pi accepts one layout only, iPXE any, and UEFI HTTP Boot has no alternatives. */
function hasLayouts({ vendorClass, firmware, isIpxe }: BootClient): boolean {
  return vendorClass === 'PXEClient' && firmware !== 'raspberry-pi' && !isIpxe;
}
