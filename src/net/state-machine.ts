/**
 * A state machine without I/O and without a clock, as the drivers of this folder run it: it is told the time, and says when it wants to be
 * woken. `EventLoopDriver` does so on Node's event loop, `EpollDriver` by system calls.
 */

export interface StateMachine {
  /** When `expire` is due, in milliseconds on the driver's clock; `Infinity` while nothing is waited for. */
  readonly nextDeadline: number;
  /** Lets time pass. Harmless while nothing is due. */
  expire(now: number): void;
}

/**
 * A driver that wakes up later than this after a deadline has stalled: it delivers everything that came meanwhile before it calls `expire`, so
 * that a stall is never taken for loss.
 */
export const LATE_MS = 5;
