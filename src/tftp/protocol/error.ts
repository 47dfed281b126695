/**
 * The errors of TFTP as values, and the refusal that has an exact code.
 */
import { type EndReason, Refusal, type RefusalReason } from '../../base/refusal.ts';

/** The error codes of RFC 1350 §5 and RFC 2347. */
export const ErrorCode = {
  undefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  diskFull: 3,
  illegalOperation: 4,
  unknownTransferId: 5,
  fileExists: 6,
  noSuchUser: 7,
  optionNegotiation: 8,
} as const;

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** The ERROR that ends a transfer, as it is sent or as the peer sent it. */
export interface WireError {
  /** 0–65535, see {@link ErrorCode}. */
  readonly code: number;
  readonly message: string;
  /** Why, where it is this side that knows. */
  readonly reason?: EndReason | undefined;
  /** What is behind it, for the log only. */
  readonly detail?: string | undefined;
}

/** How a transfer ends whose client does not answer any more. */
export const NO_ANSWER: WireError = { code: ErrorCode.undefined, message: 'no answer from the client', reason: 'no-answer' };

/**
 * A refusal in the form of an ERROR packet: the client gets exactly this code and message, so the message must not name a path of
 * the server. For a plugin that needs a code of its own choice; elsewhere a {@link Refusal} with its reason says more.
 */
export class TftpError extends Refusal {
  override readonly name = 'TftpError';
  /** 0–65535, see {@link ErrorCode}. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(REASONS[code] ?? 'unavailable', message, options);
    this.code = code;
  }
}

/** What a code means to plugins that observe, and to other protocols. */
const REASONS: Readonly<Record<number, RefusalReason>> = {
  [ErrorCode.fileNotFound]: 'not-found',
  [ErrorCode.accessViolation]: 'forbidden',
  [ErrorCode.diskFull]: 'too-large',
  [ErrorCode.illegalOperation]: 'unsupported',
  [ErrorCode.fileExists]: 'exists',
  [ErrorCode.noSuchUser]: 'forbidden',
  [ErrorCode.optionNegotiation]: 'unsupported',
};
