/**
 * Why a client's transfer failed, by whose fault it was.
 */

/**
 * `timeout`: the server was silent. `refused`: its host says that nothing listens there (ICMP port unreachable). `error`: it sent an ERROR
 * packet. `protocol`: it broke the rules. `local`: a file, the network of this machine, or the caller's abort.
 */
export type FailureKind = 'timeout' | 'refused' | 'error' | 'protocol' | 'local';

export interface Failure {
  readonly kind: FailureKind;
  /** The code of the server's ERROR packet (RFC 1350 §5). */
  readonly code: number | undefined;
  readonly message: string;
}

/** What `download` and `upload` reject with. */
export class ClientError extends Error implements Failure {
  override readonly name = 'ClientError';
  readonly kind: FailureKind;
  readonly code: number | undefined;

  constructor({ kind, code, message }: Failure, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.code = code;
  }
}
