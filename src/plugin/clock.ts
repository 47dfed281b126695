/**
 * Time as the pipeline and the config loader need it. Given from outside, so that the whole server runs under a virtual clock.
 */

export interface Clock {
  /** Milliseconds, monotonic; only differences mean anything. */
  now(): number;
  /** Runs `run` once, `ms` milliseconds from now, unless the returned function is called before. */
  setTimeout(run: () => void, ms: number): () => void;
}
