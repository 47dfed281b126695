/**
 * A boot storm: many machines that power on by a curve and fetch what they boot from, over a network that may be bad. No I/O and
 * no clock: datagrams and `now` come in, datagrams go to an outbox, ports are opened and closed by the {@link StormHost}.
 */

import { Deadlines } from '../../base/deadlines.ts';
import type { DatagramOutbox, Endpoint } from '../../base/endpoint.ts';
import type { PeerKey } from '../../base/peer.ts';
import type { AskedOptions } from '../client/options.ts';
import type { ClientLimits } from '../client/transfer.ts';
import { type FaultRates, Faults } from './faults.ts';
import { type Identity, identityOf, nameFor } from './identity.ts';
import { type Boot, Machine, type MachineHost } from './machine.ts';
import { PROFILES, type ProfileName, type Step, type StormFile } from './profile.ts';
import { seededRandom } from './random.ts';
import { Tally } from './tally.ts';
import type { Wakeable } from './wakeable.ts';

export interface StormPlan {
  /** What each machine loads, in order; placeholders in a name stand for what is the machine's own: {@link nameFor}. */
  readonly files: readonly StormFile[];
  /** Machines of a config, round-robin. Without any, machines are made up. */
  readonly machines: readonly Identity[];
  /** When each boot begins, ms from the start, in order; see {@link arrivals}. */
  readonly arrivals: Float64Array;
  /** Machines at one time; a boot whose time has come waits for a free one. */
  readonly clients: number;
  /** By turns. */
  readonly profiles: readonly ProfileName[];
  /** Takes the place of what the profiles ask for. */
  readonly options: AskedOptions;
  readonly faults: FaultRates;
  readonly allowAbsent: boolean;
  readonly limits: ClientLimits;
  readonly seed: number;
  /** The storm is ended then, whatever is under way. */
  readonly maxMs: number;
}

/** What a storm asks of its driver. */
export interface StormHost {
  readonly outbox: DatagramOutbox;
  /** A port of the system's choice, at an address of the machine's if it has one. Throws Node's system error. */
  open(localAddress: string | undefined): Endpoint;
  close(port: Endpoint): void;
  expected(name: string): Uint8Array | undefined;
}

/** Firmware's timers are slow, and firmware goes as soon as it has what it wants. */
export const STORM_LIMITS: ClientLimits = {
  retries: 12,
  idleMs: 30_000,
  minTimeoutMs: 1000,
  maxTimeoutMs: 5000,
  dallyMs: 0,
};

/** Boots begun at a time: what has come is taken in between. */
const ADMITTED_AT_ONCE = 32;

export class Storm {
  readonly plan: StormPlan;
  readonly tally = new Tally();
  readonly faults: Faults;
  over = false;
  readonly #host: StormHost;
  readonly #deadlines = new Deadlines<Wakeable>();
  readonly #idle: Machine[] = [];
  readonly #machines: readonly Machine[];
  readonly #byPort = new Map<Endpoint, Machine>();
  #startedAt = 0;
  #endedAt = 0;
  /** The next boot. */
  #next = 0;

  constructor(plan: StormPlan, host: StormHost) {
    this.plan = plan;
    this.#host = host;
    this.faults = new Faults(plan.faults, this.#deadlines);
    const machineHost = this.#machineHost();
    this.#machines = Array.from({ length: Math.min(plan.clients, plan.arrivals.length) }, () => new Machine(machineHost));
    this.#idle.push(...this.#machines);
  }

  /** Boots under way. */
  get running(): number {
    return this.#machines.length - this.#idle.length;
  }

  /** From the start to the end, or to `now` if it is not over. */
  elapsedMs(now: number): number {
    return (this.over ? this.#endedAt : now) - this.#startedAt;
  }

  start(now: number): void {
    this.#startedAt = now;
    this.#admit(now);
  }

  /** When `expire` is due; `Infinity` when it is over. */
  get nextDeadline(): number {
    if (this.over) return Number.POSITIVE_INFINITY;
    const { arrivals, maxMs } = this.plan;
    const arrival = this.#idle.length > 0 ? arrivals[this.#next] : undefined;
    return Math.min(this.#deadlines.next, this.#startedAt + Math.min(arrival ?? maxMs, maxMs));
  }

  /** Takes a datagram that `from` sent to `port`. The bytes are not kept. */
  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    this.#byPort.get(port)?.receive(port, from, datagram, now);
  }

  /** Lets time pass: call it at {@link nextDeadline}, after everything that had come by then was received. */
  expire(now: number): void {
    if (this.over) return;
    if (now >= this.#startedAt + this.plan.maxMs) return this.stop(now);
    for (let due = this.#deadlines.due(now); due; due = this.#deadlines.due(now)) due.wake(now);
    this.#admit(now);
  }

  /** Ends what is under way, and all. */
  stop(now: number): void {
    if (this.over) return;
    for (const machine of this.#machines) machine.abandon(now);
    this.#end(now);
  }

  #admit(now: number): void {
    const { arrivals } = this.plan;
    for (let begun = 0; begun < ADMITTED_AT_ONCE && this.#idle.length > 0; begun++) {
      if (this.#next >= arrivals.length || this.#startedAt + arrivals[this.#next]! > now) break;
      this.#idle.pop()!.begin(this.#boot(this.#next++), now);
    }
  }

  #end(now: number): void {
    this.over = true;
    this.#endedAt = now;
  }

  #boot(index: number): Boot {
    const { files, machines, profiles, options, seed } = this.plan;
    const profile = profiles[index % profiles.length]!;
    const identity = machines[index % machines.length] ?? identityOf(index + 1);
    const step = (one: Step): Step => ({ ...one, name: nameFor(one.name, identity), options: { ...one.options, ...options } });
    return {
      profile,
      localAddress: identity.localAddress,
      steps: PROFILES[profile](files, identity).map(step),
      random: seededRandom(Math.imul(seed, 0x9e3779b1) + index),
    };
  }

  #machineHost(): MachineHost {
    const { allowAbsent, limits } = this.plan;
    return {
      outbox: this.#host.outbox,
      faults: this.faults,
      tally: this.tally,
      limits,
      allowAbsent,
      open: (machine, localAddress) => {
        const port = this.#host.open(localAddress);
        this.#byPort.set(port, machine);
        return port;
      },
      close: (port) => {
        this.#byPort.delete(port);
        this.#host.close(port);
      },
      expected: (name) => this.#host.expected(name),
      arm: (machine) => this.#deadlines.update(machine),
      idle: (machine, now) => {
        this.#idle.push(machine);
        if (this.running === 0 && this.#next >= this.plan.arrivals.length) this.#end(now);
      },
    };
  }
}
