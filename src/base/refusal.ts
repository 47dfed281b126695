/**
 * Why a request gets no content, whatever the protocol: each service maps the reason to its own codes. A refusal is an answer that is
 * made to be sent, not a mistake.
 */

export type RefusalReason =
  /** There is no such file. */
  | 'not-found'
  /** It exists, or may exist, and this client may not have it. */
  | 'forbidden'
  /** An upload may not replace what is there. */
  | 'exists'
  /** An upload is larger than the config or the disk allows. */
  | 'too-large'
  /** It cannot be had at this moment: the client may ask again. */
  | 'busy'
  /** It changed while it was being sent. */
  | 'changed'
  /** What it would come from does not answer, or fails. */
  | 'unavailable'
  /** The request asks for something that this server does not do. */
  | 'unsupported'
  /** The failure is not the client's business. It has its line in the log where it happened. */
  | 'internal';

/** Why an exchange ended without success: refused, or the client stopped answering. */
export type EndReason = RefusalReason | 'no-answer';

/** Thrown by a hook, by a content or by a sink, it is what the client gets. Anything else that is thrown is `internal`. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly reason: RefusalReason;

  /**
   * @param message what the client is told; so it must not name a path of the server
   * @param options `cause`: why, for the log only: an error, or words
   */
  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    // A storm makes thousands, and nothing is learnt from where they were made.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.reason = reason;
  }

  /** Why, for the log only: it may hold paths. */
  get detail(): string | undefined {
    const { cause } = this;
    if (cause instanceof Error) return cause.message;
    return typeof cause === 'string' ? cause : undefined;
  }
}

/** A refusal without detail, made once: most requests of a boot are for names that do not exist. */
export const NOT_FOUND: Refusal = Object.freeze(new Refusal('not-found', 'file not found'));

/** What a client gets for a failure that is not its business. */
export const INTERNAL: Refusal = Object.freeze(new Refusal('internal', 'internal error'));
