/**
 * Why a request gets no content, in terms of no protocol: each service maps the reason to its own codes. A refusal is an answer
 * meant to be sent, not a programming error.
 */

export type RefusalReason =
  /** The file does not exist. */
  | 'not-found'
  /** The client is not allowed to have it, whether it exists or not. */
  | 'forbidden'
  /** An upload must not replace an existing file. */
  | 'exists'
  /** The upload exceeds the limit of the config or of the disk. */
  | 'too-large'
  /** Temporarily impossible: the client may retry. */
  | 'busy'
  /** The file changed during the transfer. */
  | 'changed'
  /** The source of the content does not respond, or fails. */
  | 'unavailable'
  /** The server does not support what the request asks for. */
  | 'unsupported'
  /** An internal failure, logged where it happened; the client gets no details. */
  | 'internal';

/** Why an exchange ended without success: refused, or the client stopped answering. */
export type EndReason = RefusalReason | 'no-answer';

/** Thrown by a hook, a content or a sink to choose the client's answer. Any other error counts as `internal`. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly reason: RefusalReason;

  /**
   * @param message sent to the client, so it must not contain a path of the server
   * @param options `cause`: the reason for the log only, an error or text
   */
  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    // No stack trace: a storm makes thousands of refusals, and the trace would say nothing useful.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
  }

  /** The reason, for the log only: it may contain paths. */
  get detail(): string | undefined {
    const { cause } = this;
    if (cause instanceof Error) return cause.message;
    return typeof cause === 'string' ? cause : undefined;
  }
}

/** Shared constants for refusals without detail: most requests of a boot are for names that do not exist. */
export const NOT_FOUND: Refusal = Object.freeze(new Refusal('not-found', 'file not found'));

/** The client's answer to an internal failure. */
export const INTERNAL: Refusal = Object.freeze(new Refusal('internal', 'internal error'));
