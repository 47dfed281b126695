/**
 * The transport that runs wherever Node does: node:dgram sockets, and the Engine on the same event loop.
 */
import type { Clock } from '../../base/clock.ts';
import type { Interfaces } from '../../net/addresses.ts';
import { ALL_RIGHTS, processRights, type Rights } from '../../net/rights.ts';
import type { Counters } from '../protocol/counters.ts';
import type { EngineLimits } from '../protocol/engine.ts';
import { LocalEngine } from './local-engine.ts';
import type { Bind } from './socket-endpoint.ts';
import type { TransportEvents } from './transport.ts';
import type { TransportExchange } from './transport-exchange.ts';
import { UdpEndpoint } from './udp-endpoint.ts';
import { UdpTransport } from './udp-transport.ts';

export interface PortableOptions<Exchange extends TransportExchange = TransportExchange> {
  readonly events: TransportEvents<Exchange>;
  readonly limits: EngineLimits;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The machine's interfaces and sockets, unless they are simulated. */
  readonly interfaces?: () => Interfaces;
  readonly bind?: Bind;
  /** The process's, unless sockets are simulated. */
  readonly rights?: Rights;
}

export class PortableTransport<Exchange extends TransportExchange = TransportExchange> extends UdpTransport<Exchange> {
  constructor({ events, limits, counters, clock, random, interfaces, bind, rights }: PortableOptions<Exchange>) {
    super({
      events,
      clock,
      interfaces,
      plane: (control) => {
        const plane = new LocalEngine(control, counters, limits, clock, random);
        return {
          plane,
          sockets: {
            bind: tellingOfDscp(bind ?? UdpEndpoint.bind, events),
            rights: rights ?? (bind ? ALL_RIGHTS : processRights()),
            receive: (endpoint, peer, datagram) => plane.receive(endpoint, peer, datagram),
          },
        };
      },
    });
  }
}

/** A wish that cannot be granted is told once. */
function tellingOfDscp(bind: Bind, events: Pick<TransportEvents, 'notice'>): Bind {
  let told = false;
  return (to, owner) => {
    if (to.dscp !== undefined && !told) {
      told = true;
      events.notice({ dscp: to.dscp }, 'only the native transport can mark packets: dscp has no effect');
    }
    return bind(to, owner);
  };
}
