/**
 * Replays seeds outside vitest: `SEED=n npm run simulate` runs one and prints all that happens, `SEEDS=n` runs the first so many.
 */
import { simulate } from './scenario.ts';
import { Tally } from './tally.ts';

const { SEED, SEEDS = '100', FROM = '1' } = process.env;
if (SEED !== undefined) {
  const figures = await simulate(Number(SEED), { trace: (line) => console.log(line) });
  console.log(
    `\nseed ${SEED}: ${figures.transfers} transfers, ${figures.reloads} reloads, ${figures.events} events, hash ${figures.hash}`,
  );
  for (const violation of figures.violations) console.log(`VIOLATION ${violation}`);
  process.exitCode = figures.violations.length > 0 ? 1 : 0;
} else {
  const tally = new Tally();
  for (let seed = Number(FROM); seed < Number(FROM) + Number(SEEDS); seed++) tally.add(await simulate(seed));
  console.log(tally.report());
  for (const failure of tally.failures) console.log(failure);
  process.exitCode = tally.failures.length > 0 ? 1 : 0;
}
