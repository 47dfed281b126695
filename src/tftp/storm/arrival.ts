/**
 * When machines power on.
 */

/**
 * `all`: at once. `uniform`: evenly over the time. `poisson`: independently of each other. `wave`: ever more up to the middle,
 * then ever fewer.
 */
export const CURVES = ['all', 'uniform', 'poisson', 'wave'] as const;

export type Curve = (typeof CURVES)[number];

/** Milliseconds from the start, in order, one for each boot. */
export function arrivals(curve: Curve, boots: number, overMs: number, random: () => number): Float64Array {
  const times = new Float64Array(boots);
  if (curve === 'all') return times;
  let sum = 0;
  for (let boot = 0; boot < boots; boot++) {
    if (curve === 'uniform') times[boot] = (boot * overMs) / boots;
    else if (curve === 'wave') times[boot] = triangular((boot + 0.5) / boots) * overMs;
    else {
      sum -= Math.log(1 - random());
      times[boot] = (sum / boots) * overMs;
    }
  }
  return times;
}

/** Boots in the busiest second. */
export function busiestSecond(times: Float64Array): number {
  let most = 0;
  for (let from = 0, to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= 1000) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** The share of the time by which this share of boots has begun: the density is highest in the middle. */
function triangular(share: number): number {
  return share < 0.5 ? Math.sqrt(share / 2) : 1 - Math.sqrt((1 - share) / 2);
}
