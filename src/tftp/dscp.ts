/**
 * The names of differentiated services code points: RFC 2474 (cs), 2597 (af), 3246 (ef), 5865 (va), 8622 (le).
 */

/** By name, 0–63. */
export const DSCP = {
  cs0: 0,
  le: 1,
  cs1: 8,
  af11: 10,
  af12: 12,
  af13: 14,
  cs2: 16,
  af21: 18,
  af22: 20,
  af23: 22,
  cs3: 24,
  af31: 26,
  af32: 28,
  af33: 30,
  cs4: 32,
  af41: 34,
  af42: 36,
  af43: 38,
  cs5: 40,
  va: 44,
  ef: 46,
  cs6: 48,
  cs7: 56,
} as const;

export type DscpName = keyof typeof DSCP;
