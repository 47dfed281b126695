/** Random numbers that a seed repeats. */
import { seededRandom } from '../../src/tftp/storm/random.ts';

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

export function seeded(seed: number): Random {
  const next = seededRandom(seed);
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
