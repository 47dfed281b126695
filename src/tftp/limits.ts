/**
 * What a config grants the Engine and each of its transfers: made once a config, whichever of its requests comes first.
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { limitsByNetwork } from './path-mtu.ts';
import type { EngineLimits } from './protocol/engine.ts';
import type { TransferLimits } from './protocol/transfer.ts';

export interface TftpLimits {
  readonly engine: EngineLimits;
  /** The most that a client is granted, by its address. */
  readonly transferFor: (address: string) => TransferLimits;
}

const known = new WeakMap<ResolvedConfig, TftpLimits>();

export function limitsOf(config: ResolvedConfig): TftpLimits {
  let limits = known.get(config);
  if (limits === undefined) {
    limits = makeLimits(config);
    known.set(config, limits);
  }
  return limits;
}

function makeLimits({ tftp: { limits, rollover, mtu } }: ResolvedConfig): TftpLimits {
  return { engine: limits, transferFor: limitsByNetwork(mtu, { ...limits, rollover }) };
}
