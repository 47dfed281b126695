/**
 * 200 transfers over 100 reloads, ten of them broken, while files and ports change: `npm run test:reload`.
 * SEED=n repeats the choices of a run, not its timing; TRANSPORT=portable|native, else auto.
 */
import { beforeAll, expect, test } from 'vitest';
import type { Ended } from '../kit/paced.ts';
import { CHANGED } from './file-changes.ts';
import { BROKEN, LISTEN, RELOADS } from './saves.ts';
import { generationsOf, LIMIT_MS, type StressResult, stress } from './stress.ts';
import { TRANSFERS } from './transfers.ts';

/** A save in place is not atomic: on a busy machine the server may see it half done, which costs a message and no more. */
const HALF_SAVES = 5;

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
let result: StressResult;

beforeAll(async () => {
  console.log(`seed ${seed}`);
  result = await stress(seed);
  console.log(summary(result));
  // Longer than the run allows itself, which also stops its server.
}, LIMIT_MS + 10_000);

test('no transfer fails but by ERROR 0 "file changed during transfer"', () => {
  expect(result.outcomes).toHaveLength(TRANSFERS);
  expect(result.outcomes.flatMap((ended) => (ended.kind === 'failed' ? [ended.reason] : []))).toEqual([]);
});

test('completed files are byte-equal to exactly one version, and a quarter of the transfers complete', () => {
  expect(ofKind('completed').length).toBeGreaterThanOrEqual(TRANSFERS / 4);
});

test('every valid save takes effect, no broken one does, changed files are served anew', () => {
  expect(result.wrong).toEqual([]);
});

test(`${RELOADS} reloads, ${BROKEN} of them broken`, () => {
  const { broken, halfSaved } = result.saves;
  expect(generationsOf(result.log, 'reload done')).toHaveLength(RELOADS - BROKEN);
  expect(broken).toBe(BROKEN);
  expect(result.log.filter(isFailedReload)).toHaveLength(BROKEN + halfSaved);
  expect(halfSaved).toBeLessThanOrEqual(HALF_SAVES);
});

test('files and ports change under transfers', () => {
  const { busyReplaced, busyRewritten, changes } = result.changes;
  expect(changes).toBe(2 * CHANGED);
  expect(busyReplaced).toBeGreaterThanOrEqual(CHANGED / 4);
  expect(busyRewritten).toBeGreaterThanOrEqual(CHANGED / 4);
  expect(result.saves.carried).toBeGreaterThan(0);
});

test('every generation but the last drains exactly once', () => {
  const done = generationsOf(result.log, 'reload done');
  const ascending = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);
  expect(ascending(generationsOf(result.log, 'generation drained'))).toEqual(ascending([1, ...done.slice(0, -1)]));
});

test('watchers, open files and sockets are back to the start', () => {
  expect(result.leak).toBeUndefined();
});

test('no transfer is left, and the server stops', () => {
  expect(result.log.find(({ msg }) => msg === 'stopping')).toMatchObject({ transfers: 0 });
  expect(result.exitCode).toBe(0);
});

test('the log reports no other fault', () => {
  const faults = result.log.filter((line) => line.level >= 50 && !isFailedReload(line));
  expect([...faults.map(({ msg }) => msg), ...result.noise]).toEqual([]);
});

function ofKind<Kind extends Ended['kind']>(kind: Kind): readonly Extract<Ended, { kind: Kind }>[] {
  return result.outcomes.filter((ended): ended is Extract<Ended, { kind: Kind }> => ended.kind === kind);
}

function isFailedReload({ msg }: { readonly msg: string }): boolean {
  return msg.startsWith('reload failed');
}

function summary({ outcomes, saves, changes, before, durationMs, log }: StressResult): string {
  const completed = outcomes.flatMap((ended) => (ended.kind === 'completed' ? [ended] : []));
  const mebibytes = completed.reduce((sum, { bytes }) => sum + bytes, 0) / 1024 ** 2;
  const later = completed.filter(({ version }) => version > 0).length;
  return [
    `${completed.length} transfers completed, ${ofKind('changed').length} "file changed", ${ofKind('failed').length} failed`,
    `${mebibytes.toFixed(0)} MiB in ${(durationMs / 1000).toFixed(1)} s, ${later} transfers of a later version`,
    `${generationsOf(log, 'reload done').length} reloads done, ${saves.broken} failed as they should, ${saves.halfSaved} more seen half saved`,
    `${LISTEN.size} reloads changed listen; ${saves.carried} transfers went on when their port was closed`,
    `${changes.busyReplaced} files replaced and ${changes.busyRewritten} rewritten while being read`,
    `server: ${Object.entries(before)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
  ].join('\n');
}
