/**
 * DHCP in a simulation: sockets on the simulated interfaces, and machines that ask what to boot, again and again until they are answered.
 * What is asked is in the ledger with what machines ask by TFTP, so that leases and observers are held to the same.
 */
import { decodePacket, encodePacket, MessageType, Option, textBytes } from '../../src/dhcp/protocol/packet.ts';
import type { Address } from '../../src/net/listening.ts';
import type { OnDatagram, Wire, WireSocket, WireSockets } from '../../src/net/wire-sockets.ts';
import type { ExchangeInfo } from '../../src/plugin/types.ts';
import { BOOT_SERVER_PORT, DHCP_PORT, ODD_BOOTS } from './plan.ts';
import type { World } from './world.ts';

/** When machines ask, after their start: firmware (PXE 2.1 §2.2.3), and programs that wait less. */
const PATTERNS_MS = [
  [0, 4000, 12_000],
  [0, 80, 1000, 3000],
];
const DEVICE = 'eth0';

/** A machine that has asked. */
interface Machine {
  /** Its last octet; from {@link ODD} on plugins misbehave. */
  readonly number: number;
  readonly xid: number;
  /** Plans that were in force as it asked. */
  readonly plans: Set<number>;
  answers: number;
}

/** MAC addresses that end so are of machines that a plugin misbehaves for. */
export const ODD = 200;

export class SimulatedDhcp implements WireSockets {
  readonly tellsWires = true;
  readonly broadcastHearsUnicast = false;
  readonly #world: World;
  readonly #random;
  readonly #underWay: () => Iterable<ExchangeInfo>;
  readonly #open = new Map<string, OnDatagram>();
  readonly #machines = new Map<number, Machine>();
  #lastXid = 0;

  /** @param underWay the exchanges of the service */
  constructor(world: World, underWay: () => Iterable<ExchangeInfo>) {
    this.#world = world;
    this.#random = world.random('dhcp');
    this.#underWay = underWay;
  }

  openBroadcast({ device }: Wire, port: number, onDatagram: OnDatagram): Promise<WireSocket> {
    return this.#bind(device, port, onDatagram);
  }

  async openUnicast(address: string, port: number, _shared: boolean, onDatagram: OnDatagram): Promise<WireSocket> {
    const socket = await this.#bind(address, port, onDatagram);
    if ([...this.#world.sockets.interfaces.values()].flat().includes(address)) return socket;
    socket.close();
    throw Object.assign(new Error(`bind EADDRNOTAVAIL ${address}:${port}`), { code: 'EADDRNOTAVAIL' });
  }

  deviceNumber(): number {
    return 2;
  }

  foreign(): readonly [] {
    return [];
  }

  holder(): undefined {
    return undefined;
  }

  /** A machine is switched on, and asks until it is answered. Returns whether it was, once the simulation has gone on. */
  boot(odd = this.#random.chance(0.3)): () => boolean {
    const number = odd ? ODD + this.#random.int(0, ODD_BOOTS.length - 1) : this.#random.int(1, 60);
    const machine: Machine = { number, xid: ++this.#lastXid, plans: new Set(), answers: 0 };
    this.#machines.set(machine.xid, machine);
    const byBootServer = this.#random.chance(0.3);
    for (const ms of this.#random.pick(PATTERNS_MS)) {
      this.#world.network.after(ms, () => {
        if (machine.answers === 0) this.#world.atServer(() => this.#ask(machine, ms, byBootServer));
      });
    }
    return () => machine.answers > 0;
  }

  leftovers(): string[] {
    return [...this.#open.keys()].map((key) => `the DHCP socket ${key}`);
  }

  #ask(machine: Machine, ms: number, byBootServer: boolean): void {
    const { ledger } = this.#world;
    const port = byBootServer ? BOOT_SERVER_PORT : DHCP_PORT;
    const onDatagram = this.#open.get(`${byBootServer ? '10.0.0.1' : DEVICE} ${port}`);
    if (!onDatagram || !ledger.plan) return;
    const before = new Set(Array.from(this.#underWay(), ({ id }) => id));
    const from = byBootServer ? { address: `10.0.1.${machine.number}`, port: 4011 } : { address: '0.0.0.0', port: 68 };
    machine.plans.add(ledger.plan.number);
    onDatagram(requestOf(machine, ms, byBootServer ? MessageType.request : MessageType.discover), from);
    this.#world.count('dhcp: asked');
    const fresh = [...this.#underWay()].filter(({ id }) => !before.has(id));
    this.#world.check(fresh.length <= 1, () => `one DHCP request has become ${fresh.length} exchanges`);
    for (const exchange of fresh) ledger.requested(exchange);
    const isUnderWay = [...this.#underWay()].some(({ request }) => request.client.mac === macOf(machine));
    if (fresh.length === 0 && isUnderWay) this.#world.count('dhcp: a repeated request joins');
  }

  #answered(datagram: Uint8Array, to: Address): void {
    const world = this.#world;
    const packet = decodePacket(datagram);
    const machine = packet && this.#machines.get(packet.xid);
    if (!packet || !machine) return world.violated('a DHCP answer that was not asked for');
    machine.answers++;
    world.count('dhcp: answered');
    world.note(`dhcp ${machine.xid} ${packet.file} to ${to.address}`);
    world.check(packet.yiaddr === '0.0.0.0', () => `DHCP assigns the address ${packet.yiaddr}`);
    // The layout for firmware that wants its file from the boot server; it is tried after others that led to nothing.
    if (packet.file === '' && !packet.options.has(Option.vendorInfo)) return world.count('dhcp: another layout');
    const plan = Number(/^plan-(\d+)\.efi$/.exec(packet.file)?.[1]);
    world.check(machine.plans.has(plan), () => `a machine is offered ${packet.file}, it asked under ${[...machine.plans]}`);
  }

  async #bind(by: string, port: number, onDatagram: OnDatagram): Promise<WireSocket> {
    await this.#world.work(this.#random() * 2);
    const key = `${by} ${port}`;
    this.#world.check(!this.#open.has(key), () => `the DHCP socket ${key} is bound twice`);
    this.#open.set(key, onDatagram);
    let isOpen = true;
    return {
      send: (datagram, to) => {
        if (isOpen) this.#answered(datagram, to);
      },
      close: () => {
        if (isOpen) this.#open.delete(key);
        isOpen = false;
      },
    };
  }
}

function requestOf({ number, xid }: Machine, ms: number, type: number): Uint8Array {
  return encodePacket({
    op: 1,
    xid,
    secs: ms / 1000,
    chaddr: Uint8Array.of(2, 0, 0, 0, 1, number),
    options: [
      [Option.messageType, Uint8Array.of(type)],
      [Option.vendorClass, textBytes('PXEClient:Arch:00007:UNDI:003000')],
      [Option.architecture, Uint8Array.of(0, 7)],
    ],
  });
}

function macOf({ number }: Machine): string {
  return `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`;
}
