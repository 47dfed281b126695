/**
 * Chance that no observer can foretell: it chooses the port of a transfer, which a forged ACK must hit. `Math.random` can be
 * computed from what it gave before.
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
