/**
 * A state machine without I/O or a clock: its driver passes it the time, and the machine exposes its next deadline.
 * `EventLoopDriver` runs one on Node's event loop, `EpollDriver` by system calls.
 */

export interface StateMachine {
  /** When `expire` is due, in ms on the driver's clock; `Infinity` if it is not waiting. */
  readonly nextDeadline: number;
  /** Handles deadlines that have passed. Has no effect if none is due. */
  expire(now: number): void;
}

/**
 * A driver that wakes later than this after a deadline has stalled. It delivers everything that arrived meanwhile before it
 * calls `expire`, so that a stall is never taken for packet loss.
 */
export const LATE_MS = 5;
