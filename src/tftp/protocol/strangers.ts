/**
 * Packets of peers that a transfer does not know: each gets ERROR 5, and the transfer goes on (RFC 1350 §4).
 */
import { ErrorCode } from './error.ts';
import { encode, Opcode } from './packet.ts';

export const UNKNOWN_TRANSFER = encode({
  opcode: Opcode.error,
  code: ErrorCode.unknownTransferId,
  message: 'unknown transfer ID',
});

/** Beyond this many a second, a server answers strangers no more. */
const MAX_PER_SECOND = 20;

/** How many strangers a server answers. */
export class StrangerLimit {
  #count = 0;
  #second = 0;

  /** Whether one more may be answered. */
  admits(now: number): boolean {
    const second = Math.floor(now / 1000);
    if (second !== this.#second) this.#count = 0;
    this.#second = second;
    return ++this.#count <= MAX_PER_SECOND;
  }
}
