/**
 * A request that only wants to know a file's size, as UEFI firmware (EDK2) begins with: an OACK with `tsize` is all it needs, and
 * ERROR 8 "User aborted the transfer" is its goodbye. The file itself is asked for later, by another request.
 */
import { ErrorCode } from '../protocol/error.ts';
import { type Flow, NO_FLOW } from '../protocol/flow.ts';
import { Opcode } from '../protocol/packet.ts';
import type { ClientAgreement } from './options.ts';
import { ClientTransfer } from './transfer.ts';

/** Ends with a failure of kind `local` if the server announced the size: by giving up, as firmware does. */
export class ProbeTransfer extends ClientTransfer {
  protected readonly opcode = Opcode.rrq;

  protected begins(opcode: number, block: number): boolean {
    return opcode === Opcode.data && block === 1;
  }

  protected open(agreement: ClientAgreement, _byOack: boolean, now: number): Flow {
    if (agreement.announcedSize !== undefined) {
      this.abort(ErrorCode.optionNegotiation, 'User aborted the transfer', now);
    } else {
      const message = 'the server did not report the size';
      this.fail({ kind: 'protocol', code: undefined, message }, now, ErrorCode.optionNegotiation);
    }
    return NO_FLOW;
  }

  protected take(): void {}
}
