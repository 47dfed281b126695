/**
 * The bytes of a transfer that has been answered, as one side sees them: a Sender or a Receiver. A server's transfer and a client's have one
 * each, and need not know which.
 */
export interface Flow {
  /** Payload bytes that have arrived: acknowledged by the peer, or received in order. */
  readonly bytes: number;
  /** Bytes in all, where they are known. */
  readonly size: number | undefined;
  /** Packets sent more than once. */
  readonly repeats: number;
  /** Timeouts since the last progress. */
  readonly attempts: number;
  /** When `resume` is due: the rest of a window was held back. `Infinity` if nothing was. */
  readonly resumeAt: number;
  /** The content or the sink is awaited, not the peer: its silence means nothing. */
  readonly waitingForUs: boolean;
  /** The peer may have everything, and owe nothing but ACKs. */
  readonly peerMayBeDone: boolean;
  /** Nothing is missing but the peer's last ACK. */
  readonly onlyLastAckMissing: boolean;
  /** A timeout: sends again what the peer has not answered. */
  retry(now: number): void;
  /** Sends the rest of a window. */
  resume(now: number): void;
}

/** Before the answer, and when all is over. */
export const NO_FLOW: Flow = {
  bytes: 0,
  size: undefined,
  repeats: 0,
  attempts: 0,
  resumeAt: Number.POSITIVE_INFINITY,
  waitingForUs: false,
  peerMayBeDone: false,
  onlyLastAckMissing: false,
  retry() {},
  resume() {},
};
