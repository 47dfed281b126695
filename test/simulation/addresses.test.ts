/** Two that want the same address at the same moment: the transport, which follows the machine's addresses, and a reload. */

import { expect, test } from 'vitest';
import type { Listening } from '../../src/net/listening.ts';
import { Stats } from '../../src/stats/stats.ts';
import { PortableTransport } from '../../src/tftp/transport/portable.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from '../kit/limits.ts';
import { MemoryService } from '../kit/memory-service.ts';
import { PERFECT } from '../kit/network.ts';
import { World } from './world.ts';

/** From before the transport looks to after it has bound. */
const MOMENTS_MS = Array.from({ length: 60 }, (_, i) => 1995 + i * 0.2);

test('a listen setting is bound while the transport binds an address that has just come', async () => {
  for (const moment of MOMENTS_MS) {
    const world = new World({ seed: 1, link: PERFECT });
    const transport = new PortableTransport({
      events: new MemoryService(TRANSFER_LIMITS, () => undefined).events,
      limits: ENGINE_LIMITS,
      counters: new Stats(),
      clock: world.clock,
      random: world.random('engine'),
      interfaces: world.sockets.networkInterfaces,
      bind: world.sockets.bind as never,
    });
    const settings = { singlePort: false };
    const listened: Listening[] = [];
    let failure: unknown;
    const listen = (on: Parameters<PortableTransport['listen']>[0]) =>
      void transport.listen(on, settings).then(
        (listening) => listened.push(listening),
        (error) => {
          failure = error;
        },
      );
    listen({ interface: 'eth0', port: 69 });
    world.network.after(1000, () => world.sockets.interfaces.get('eth0')!.push('10.0.0.2'));
    world.network.after(moment, () => world.atServer(() => listen({ address: '0.0.0.0', port: 69 })));
    await world.run(3000);
    expect({ moment, failure }).toEqual({ moment, failure: undefined });
    expect(listened.map(({ addresses }) => addresses.length)).toEqual([2, 3]);
    world.atServer(() => void transport.close({ code: 0, message: 'over' }));
    await world.run(1000);
    expect([world.sockets.size, world.timers]).toEqual([0, 0]);
  }
});
