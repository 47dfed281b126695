/**
 * The errors of TFTP as values, and the one exception that is made to be sent to a client.
 */

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

/** What a client is told of a failure that is not its business. */
export const INTERNAL_ERROR = 'internal error';
/** How a transfer ends whose client says nothing any more. */
export const NO_ANSWER = 'no answer from the client';

export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/**
 * An answer to a client in the form of an ERROR packet. Thrown by a plugin's hook it ends that transfer with exactly this
 * code and message; so the message must not name a path of the server.
 */
export class TftpError extends Error {
  override readonly name = 'TftpError';
  /** 0–65535, see {@link ErrorCode}. */
  readonly code: number;

  constructor(code: number, message: string) {
    // An answer, not a mistake: a storm makes thousands, and nobody asks where they come from.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
  }
}
