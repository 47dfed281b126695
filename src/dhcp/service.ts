/**
 * proxyDHCP as a service: it tells machines what to load, beside a DHCP server that assigns their addresses. It answers boot firmware
 * alone, and never assigns an address.
 */
import { EmptyingMap } from '../base/emptying-map.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Interfaces } from '../net/addresses.ts';
import type { Rights } from '../net/rights.ts';
import type { WireSockets } from '../net/wire-sockets.ts';
import type { ExchangeInfo } from '../plugin/types.ts';
import { Drain } from '../service/drain.ts';
import type { Generation, Lease } from '../service/generation.ts';
import type { LiveExchange, LocalAddress, Prepared, Service, ServiceHost } from '../service/service.ts';
import { Admission, type Admitted, type DhcpConfig } from './admission.ts';
import { DhcpExchange, type Question } from './exchange.ts';
import { factsOf, requestOf } from './facts.ts';
import { Notices } from './notices.ts';
import { Offers } from './offers.ts';
import { macOf } from './protocol/boot-client.ts';
import { NO_ADDRESS } from './protocol/packet.ts';
import { type Arrival, Wires } from './wires.ts';

export interface DhcpOptions {
  /** Made when DHCP is first asked for. */
  readonly sockets: () => WireSockets;
  /** The process's, unless sockets are simulated. */
  readonly rights: Rights;
  /** The machine's interfaces, unless they are simulated. */
  readonly interfaces?: () => Interfaces;
  /** Where a machine reaches this server's files by HTTP, by the server's address on its wire; `undefined` if they are not served. */
  readonly httpOrigin?: (config: ResolvedConfig, server: string) => string | undefined;
}

export class DhcpService implements Service {
  readonly name = 'dhcp';
  readonly #host: ServiceHost;
  readonly #options: DhcpOptions;
  readonly #drain: Drain;
  readonly #notices: Notices;
  /** By machine, program, wire and generation. */
  readonly #live = new EmptyingMap<string, DhcpExchange>();
  /** From the first config on that has the section. */
  #wires: Wires | undefined;
  #offers = new Offers(1);
  #admission: Admission | undefined;
  #preparing: Promise<unknown> = Promise.resolve();

  constructor(host: ServiceHost, options: DhcpOptions) {
    this.#host = host;
    this.#options = options;
    this.#drain = new Drain(host.clock);
    this.#notices = new Notices(host.log);
  }

  get addresses(): readonly LocalAddress[] {
    return this.#wires?.addresses ?? [];
  }

  get underWay(): Iterable<ExchangeInfo> {
    return Array.from(this.#live.values(), ({ info }) => info);
  }

  async exchanges(): Promise<readonly LiveExchange[]> {
    return Array.from(this.#live.values(), (exchange) => exchange.live());
  }

  async prepare({ config: { dhcp } }: Generation): Promise<Prepared> {
    if (this.#drain.begun) throw new Error('the server is stopping');
    if (dhcp === undefined && this.#wires === undefined) return { commit: () => [], abandon: async () => {} };
    this.#wires ??= this.#makeWires();
    const preparing = this.#wires.prepare(dhcp);
    this.#preparing = preparing.catch(() => {});
    const { commit, abandon } = await preparing;
    return {
      commit: () => {
        this.#remember(dhcp?.limits.machines ?? 1);
        this.#notices.forget();
        return commit();
      },
      abandon: async () => abandon(),
    };
  }

  /** Exchanges need the sockets until they have ended. */
  stop(graceMs: number): Promise<void> {
    return this.#drain.stop(graceMs, async (graceOver) => {
      await Promise.all([Promise.race([this.#live.emptied(), graceOver]), this.#preparing]);
      for (const exchange of [...this.#live.values()]) exchange.abandon();
      await this.#live.emptied();
      this.#wires?.close();
    });
  }

  #makeWires(): Wires {
    const { log, clock } = this.#host;
    const { sockets, rights, interfaces } = this.#options;
    return new Wires({
      sockets: sockets(),
      rights,
      clock,
      interfaces,
      onArrival: (arrival) => this.#arrive(arrival),
      onMoved: ({ came, gone }) => log.info({ came, gone, addresses: this.addresses }, 'listening addresses changed'),
      notices: this.#notices,
    });
  }

  /** A reload keeps what is known of machines, unless it changes how many are remembered. */
  #remember(machines: number): void {
    if (this.#admission !== undefined && this.#offers.capacity === machines) return;
    this.#offers = new Offers(machines);
    this.#admission = new Admission(machines, (address) => this.#wires?.isAttached(address) ?? false);
  }

  /** The generation is fixed here, with nothing awaited before. */
  #arrive(arrival: Arrival): void {
    if (this.#drain.begun) return;
    const lease = this.#host.lease();
    const { dhcp } = lease.generation.config;
    // A socket may be bound before its config is in force.
    const admitted = dhcp && this.#admission?.admit(arrival, dhcp, this.#host.clock.now());
    if (!admitted || !this.#take(admitted, arrival, lease, dhcp)) lease.release();
  }

  /** Whether the lease is taken. */
  #take(admitted: Admitted, arrival: Arrival, lease: Lease, config: DhcpConfig): boolean {
    const { stats, sightings } = this.#host;
    switch (admitted.kind) {
      case 'drop':
        this.#drop(admitted);
        return false;
      case 'claim':
        stats.add('dhcp-requests.claim');
        sightings.see({ ...factsOf(admitted.packet, admitted.client), address: admitted.address, service: this.name });
        this.#offers.goesOn(macOf(admitted.packet));
        return false;
      case 'question': {
        const { packet, client } = admitted;
        const { port, wire, source, send } = arrival;
        stats.add(port === 67 ? 'dhcp-requests.discover' : 'dhcp-requests.boot-server');
        const address = port === 4011 ? source.address : undefined;
        sightings.see({ ...factsOf(packet, client), address, service: this.name });
        return this.#ask({ packet, client, port, server: wire.address, source, send }, arrival, lease, config);
      }
    }
  }

  #ask(question: Question, arrival: Arrival, lease: Lease, config: DhcpConfig): boolean {
    const { generation } = lease;
    const key = keyOf(question, generation.number);
    const before = this.#live.get(key);
    if (before) {
      if (!before.ended) before.repeat(question);
      return false;
    }
    if (this.#live.size >= config.limits.exchanges) {
      this.#drop({ kind: 'drop', reason: 'too-many' });
      return false;
    }
    const desk = {
      offers: this.#offers,
      notices: this.#notices,
      httpOrigin: (server: string) => this.#options.httpOrigin?.(generation.config, server),
    };
    const local = { address: arrival.wire.address, port: arrival.port === 67 ? config.ports.dhcp : config.ports.bootServer };
    const request = requestOf(question, local);
    const exchange = new DhcpExchange(this.#host, lease, request, question, config, desk, () => this.#live.delete(key));
    this.#live.set(key, exchange);
    // No user's code runs within the socket's call.
    queueMicrotask(() => exchange.ended || exchange.answer());
    return true;
  }

  #drop({ reason, packet }: Extract<Admitted, { kind: 'drop' }>): void {
    this.#host.stats.add(`dhcp-drops.${reason}`);
    const relay = packet?.giaddr ?? NO_ADDRESS;
    switch (reason) {
      case 'malformed':
      case 'other-client':
        return;
      case 'relay-not-allowed':
        return this.#notices.warn({ relay }, 'a relay is not answered: add its network to `dhcp.relays`', relay);
      case 'too-many-of-relay':
        return this.#notices.warn({ relay }, 'a relay forwards more requests than `dhcp.limits.requestsPerRelay`', relay);
      case 'too-many-of-machine': {
        const mac = packet && macOf(packet);
        return this.#notices.warn({ mac }, 'a machine sends more requests than `dhcp.limits.requestsPerMachine`', mac);
      }
      case 'too-many':
        return this.#notices.warn({}, 'requests are dropped: more than `dhcp.limits.exchanges` are waiting for plugins');
    }
  }
}

/** Firmware sends the same request again, with another count of seconds, until it is answered. */
function keyOf({ packet, client, port, server }: Question, generation: number): string {
  const { vendorClass, firmware, isIpxe } = client;
  return [generation, port, server, packet.giaddr, packet.chaddr.join('.'), vendorClass, firmware, isIpxe].join(' ');
}
