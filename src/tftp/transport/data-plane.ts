/**
 * The Engine as the rest of a transport sees it, whatever thread it lives in: plain messages go in, and those of
 * {@link ControlPlane} come out. No call waits for the Engine.
 */
import type { Awaitable } from '../../base/awaitable.ts';
import type { Content } from '../../content/content.ts';
import type { Engine, EngineLimits } from '../protocol/engine.ts';
import type { WireError } from '../protocol/error.ts';
import type { ReadAnswer } from '../protocol/read-transfer.ts';
import type { Progress, TransferLimits } from '../protocol/transfer.ts';
import type { WriteAnswer } from '../protocol/write-transfer.ts';

export interface DataPlane {
  /** A request that is no longer there is passed over: its end was told, or is on its way. */
  answer(id: number, answer: ReadAnswer | WriteAnswer): void;
  refuse(id: number, error: WireError): void;
  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void;
  written(id: number, bytes: number, stored: boolean): void;
  /** As {@link Engine.settled}: the request has been answered, has ended, and its content is closed. */
  settled(id: number): void;
  setLimits(limits: EngineLimits): void;
  progress(): Promise<readonly Progress[]>;
  /** Ends every transfer with an ERROR; resolves when the ERRORs are sent and every end was told. */
  refuseAll(error: WireError): Promise<void>;
  /** Whether it can read the content's segments itself. */
  reads(content: Content): boolean;
  /** Answers by a content that it reads itself, from the first byte on. Until `release` is over the content must stay open. */
  adopt(id: number, content: Content, limits: TransferLimits): void;
  release(id: number): Awaitable<void>;
  close(): Promise<void>;
}
