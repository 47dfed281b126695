/**
 * The native transport: batched system calls and the Engine in a thread of its own. Linux on x86-64 with glibc.
 */

import type { Clock } from '../../../base/clock.ts';
import type { CacheBudget } from '../../../content/budget.ts';
import type { Interfaces } from '../../../net/addresses.ts';
import { interfaceIndex } from '../../../net/native/sockaddr.ts';
import { processRights, type Rights } from '../../../net/rights.ts';
import type { Stats } from '../../../stats/stats.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import type { TransportEvents } from '../transport.ts';
import type { TransportExchange } from '../transport-exchange.ts';
import { UdpTransport } from '../udp-transport.ts';
import { NativeEngine } from './native-engine.ts';

export interface NativeOptions<Exchange extends TransportExchange = TransportExchange> {
  readonly events: TransportEvents<Exchange>;
  readonly limits: EngineLimits;
  readonly clock: Clock;
  /** What is kept of files is drawn from it. */
  readonly budget: CacheBudget;
  readonly stats: Stats;
  /** The machine's interfaces, unless they are simulated. */
  readonly interfaces?: () => Interfaces;
  /** The process's, unless a test gives others. */
  readonly rights?: Rights;
}

export class NativeTransport<Exchange extends TransportExchange = TransportExchange> extends UdpTransport<Exchange> {
  constructor({ events, limits, clock, budget, stats, interfaces, rights = processRights() }: NativeOptions<Exchange>) {
    super({
      events,
      clock,
      interfaces,
      plane: (control) => {
        const plane = new NativeEngine(control, {
          limits,
          budget,
          stats,
          fault: (error, what) => events.fault(error, what),
          notice: (fields, message) => events.notice(fields, message),
        });
        return {
          plane,
          sockets: { bind: (to, owner) => plane.bind(to, owner), receive: () => {}, deviceNumber: interfaceIndex, rights },
        };
      },
    });
  }
}
