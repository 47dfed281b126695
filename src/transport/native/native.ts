/**
 * The native transport: batched system calls and the Engine in a thread of its own. Linux on x86-64 with glibc.
 */
import type { CacheBudget } from '../../content/budget.ts';
import type { Clock } from '../../content/clock.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import type { Stats } from '../../stats/stats.ts';
import type { Interfaces } from '../addresses.ts';
import { processRights, type Rights } from '../rights.ts';
import type { TransportEvents } from '../transport.ts';
import { UdpTransport } from '../udp-transport.ts';
import { NativeEngine } from './native-engine.ts';
import { interfaceIndex } from './sockaddr.ts';

export { whyNot } from './libc.ts';
export { NativePorts } from './ports.ts';
export { proofFailure } from './proof.ts';

export interface NativeOptions {
  readonly events: TransportEvents;
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

export class NativeTransport extends UdpTransport {
  constructor({ events, limits, clock, budget, stats, interfaces, rights = processRights() }: NativeOptions) {
    super({
      events,
      clock,
      interfaces,
      plane: (control) => {
        const plane = new NativeEngine(control, {
          limits,
          budget,
          stats,
          fault: (error, what) => events.fault(error, { what }),
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
