/**
 * Block numbers. Inside they count 1, 2, 3 … without end; on the wire they have 16 bits and roll over, to 0 as most clients
 * expect, or to 1 (RFC 1350 does not say; the `rollover` option does).
 */

/** What follows block 65535 on the wire. */
export type Rollover = 0 | 1;

/** The 16 bits sent for a full block number. Block 0 (the answer to an OACK, or to a WRQ) is 0 either way. */
export function toWire(block: number, rollover: Rollover): number {
  return rollover === 0 || block === 0 ? block % 65536 : ((block - 1) % 65535) + 1;
}

/** The first full block number at or above `base` that has these 16 bits; -1 if none has. */
export function fromWire(wire: number, base: number, rollover: Rollover): number {
  if (rollover === 0) return base + ((wire - toWire(base, 0) + 65536) % 65536);
  if (wire === 0) return base === 0 ? 0 : -1;
  const from = Math.max(base, 1);
  return from + ((wire - toWire(from, 1) + 65535) % 65535);
}
