/**
 * The limits of TFTP as a config has them that says nothing of them.
 */
import type { EngineLimits } from '../../src/tftp/protocol/engine.ts';
import type { TransferLimits } from '../../src/tftp/protocol/transfer.ts';
import { tftpSection } from '../../src/tftp/section.ts';

const { limits, rollover } = tftpSection.schema.parse({});

export const ENGINE_LIMITS: EngineLimits = limits;
export const TRANSFER_LIMITS: TransferLimits = { ...limits, rollover };
