/**
 * Runs a storm over real ports, by the clock of the process.
 */

import { nativeUnavailableReason } from '../../net/native/libc.ts';
import { NativePorts } from '../../net/native/ports.ts';
import { proofFailure } from '../../net/native/proof.ts';
import { DgramPorts, type Ports, type PortsOptions } from '../../net/ports.ts';
import type { Expected } from './expected.ts';
import { Storm, type StormPlan } from './storm.ts';

export interface StormRun {
  readonly storm: Storm;
  readonly transport: 'native' | 'portable';
  /** Resolves when it is over. Rejects with Node's system error if there can be no more ports. */
  readonly ended: Promise<void>;
  /** Ends it now. */
  stop(): void;
}

export interface StormRunOptions extends PortsOptions {
  /** `auto`: `native` where it works. */
  readonly transport: 'auto' | 'native' | 'portable';
  /** Not given: bytes are counted only. */
  readonly expected?: Expected | undefined;
}

/** Starts the storm. Throws if `native` is asked for and does not work here. */
export function startStorm(plan: StormPlan, { transport, expected, ...options }: StormRunOptions): StormRun {
  const reason = transport === 'portable' ? 'not asked for' : (nativeUnavailableReason() ?? proofFailure(['sendto', 'recvmmsg']));
  if (transport === 'native' && reason !== undefined) throw new Error(`no native transport: ${reason}`);
  const ports: Ports = reason === undefined ? new NativePorts(options) : new DgramPorts(options);
  const storm = new Storm(plan, {
    outbox: ports.outbox,
    open: (localAddress) => ports.open(localAddress),
    close: (port) => ports.close(port),
    expected: (name) => expected?.find(name),
  });
  return {
    storm,
    transport: reason === undefined ? 'native' : 'portable',
    ended: run(ports, storm),
    stop: () => storm.stop(performance.now()),
  };
}

async function run(ports: Ports, storm: Storm): Promise<void> {
  try {
    storm.start(performance.now());
    await ports.run(storm);
  } finally {
    storm.stop(performance.now());
  }
}
