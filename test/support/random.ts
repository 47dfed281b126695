/** Random numbers that a seed repeats. */

export interface Random {
  /** Uniform in [0, 1). */
  (): number;
  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number;
  pick<T>(from: readonly T[]): T;
  /** True so often, 0–1. */
  chance(probability: number): boolean;
  bytes(length: number): Uint8Array;
}

/** Mulberry32: 32 bits of state, good enough to upset a protocol. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Object.assign(next, {
    int: (least: number, most: number) => least + Math.floor(next() * (most - least + 1)),
    pick: <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)]!,
    chance: (probability: number) => next() < probability,
    bytes(length: number) {
      const bytes = new Uint8Array(length + 3);
      const words = new DataView(bytes.buffer);
      for (let at = 0; at < length; at += 4) if (at + 4 <= bytes.length) words.setUint32(at, next() * 2 ** 32);
      return bytes.subarray(0, length);
    },
  });
}
