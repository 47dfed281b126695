/**
 * The transfers under way, as the control plane knows them: what each was asked for, under which lease, and what was found.
 */
import type { Abort } from '../base/abort.ts';
import type { Refusal } from '../base/refusal.ts';
import type { TransferError, TransferInfo, TransferSummary } from '../plugin/types.ts';
import type { Generation, Lease } from '../service/generation.ts';
import type { WireError } from './protocol/error.ts';
import { DEFAULT_BLOCK_BYTES } from './protocol/options.ts';
import type { Ending } from './protocol/transfer.ts';
import { optionMap, type TftpRequest } from './request.ts';

/** A request from its arrival to its end. */
export interface ActiveTransfer {
  readonly id: number;
  readonly generation: Generation;
  readonly lease: Lease;
  /** {@link RouteOptions.unservable} */
  readonly unservable: Refusal | undefined;
  /** When the request came, on the server's clock. */
  readonly begunMs: number;
  /** Ends the work of plugins for a client that has gone. */
  readonly gone: Abort;
  /** What plugins have made of it so far. */
  request: TftpRequest;
  served: string | undefined;
  /** Whose content or sink it is; `undefined` where no plugin answered. */
  plugin: string | undefined;
  size: number | undefined;
  /** Why it was refused, as far as the client is not told. */
  cause: string | undefined;
  /** The search for an answer; a transfer that ends before it has one waits for it. */
  answering: Promise<void>;
  /** That search is over. */
  answered: boolean;
}

export function infoOf({ id, request, served, size, generation }: ActiveTransfer): TransferInfo {
  return { id, request, served, size, generation: generation.number };
}

function errorOf({ code, message, reason }: WireError, cause: string | undefined): TransferError {
  return { code, message, ...(reason === undefined ? {} : { reason }), ...(cause === undefined ? {} : { cause }) };
}

export function summaryOf(transfer: ActiveTransfer, ending: Ending): TransferSummary {
  const { agreement, error, ...rest } = ending;
  return {
    ...infoOf(transfer),
    ...rest,
    error: error && errorOf(error, transfer.cause ?? error.detail),
    agreed: optionMap(agreement?.acknowledged ?? []),
    blockSize: agreement?.blockSize ?? DEFAULT_BLOCK_BYTES,
    windowSize: agreement?.windowSize ?? 1,
  };
}
