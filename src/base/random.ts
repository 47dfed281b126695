/**
 * Unpredictable random numbers: they choose a transfer's port, which a forged ACK would have to guess. The state of
 * `Math.random` can be recovered from its output.
 */
import { randomFillSync } from 'node:crypto';

const pool = new Uint32Array(256);
let used = pool.length;

/** Uniform in [0, 1). */
export function unpredictable(): number {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  return pool[used++]! / 2 ** 32;
}
