/**
 * The Engine as the rest of a transport sees it, whatever thread it lives in: plain messages go in, and those of
 * {@link PlaneControl} come out. No call waits for the Engine.
 */
import type { Awaitable } from '../../base/awaitable.ts';
import type { Progress } from '../protocol/ending.ts';
import type { ControlPlane, Engine, EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { ReadAnswer } from '../protocol/read-transfer.ts';
import type { WriteAnswer } from '../protocol/write-transfer.ts';
import type { Answer, TransportExchange } from './transport-exchange.ts';

/** Whom a plane tells. */
export interface PlaneControl extends ControlPlane {
  /** By the Engine's number: those of which something is left. */
  readonly exchanges: ReadonlyMap<number, TransportExchange>;
  /** Every transfer under way has failed; none of them is reported by `end`. */
  lost(error: WireError): void;
}

export interface DataPlane {
  /** It reads the bytes of contents that lend them by itself, from the first one on. */
  readonly borrows: boolean;
  /** A request that is no longer there is passed over: its end was told, or is on its way. */
  answer(answer: Answer): void;
  refuse(transfer: number, error: WireError): void;
  supply(transfer: number, index: number, bytes: Uint8Array, last: boolean): void;
  written(transfer: number, bytes: number, stored: boolean): void;
  /** Gives back what was borrowed for a transfer that has ended. */
  release(answer: Answer): Awaitable<void>;
  /** As {@link Engine.finished}: nothing is left of the exchange. */
  finished(transfer: number): void;
  setLimits(limits: EngineLimits): void;
  progress(): Promise<readonly Progress[]>;
  /** Ends every transfer with an ERROR; resolves when the ERRORs are sent and every end was told. */
  refuseAll(error: WireError): Promise<void>;
  close(): Promise<void>;
}

const NOTHING = new Uint8Array(0);

/** The answer for an Engine that is given every segment. */
export function engineAnswer({ content, first = NOTHING, limits }: Answer): ReadAnswer | WriteAnswer {
  if (content === undefined) return { kind: 'write', limits };
  const { size, rereadable: again = false } = content;
  content.forget?.();
  return { kind: 'read', size, first, again, limits };
}
