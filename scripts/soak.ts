/**
 * A server under mixed storms on a bad network for a long time: does it keep its memory, its descriptors, and every byte right?
 *
 *     npm run soak -- [--minutes 30] [--clients 120] [--seed 1] [--json] [--write]
 *
 * Linux. Ends with a verdict and the exit code that goes with it.
 */
import { randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { peerKey } from '../src/base/peer.ts';
import { DEFAULT_CACHE_BYTES } from '../src/content/cache.ts';
import type { StatsSnapshot } from '../src/stats/stats.ts';
import { arrivals, CURVES } from '../src/tftp/storm/arrival.ts';
import { Expected } from '../src/tftp/storm/expected.ts';
import { PROFILE_NAMES } from '../src/tftp/storm/profile.ts';
import { seededRandom } from '../src/tftp/storm/random.ts';
import { type StormRun, startStorm } from '../src/tftp/storm/run.ts';
import { STORM_LIMITS, type StormPlan } from '../src/tftp/storm/storm.ts';
import { type Census, census, censusChange, residentBytes } from '../test/kit/process.ts';
import { mebibytes, quantile, Report, WRITE_OPTIONS } from './lib/report.ts';
import { CONTENDERS, type RunningServer, startServer } from './lib/rivals.ts';
import { leaks, troubles } from './lib/server-stats.ts';
import { Total } from './lib/total.ts';

/** Sizes around the borders of blocks, windows and segments. */
const FILES = { 'boot.efi': 1024 ** 2 + 1, 'boot.cfg': 1000, 'segment.bin': 65_536, 'initrd.img': 1_500_017 };
/** Beside those, a file for each machine of a storm, and folders of them by turns: memory must not grow with the files that were read. */
const OWN_FILE_BYTES = 66_000;
const OWN_FOLDERS = 10;
/** Of them, so many take more memory than is kept by default: each file takes two segments. */
const FOLDERS_THAT_FILL = 3;
const FAULTS = { loss: 0.004, duplication: 0.004, reordering: 0.004 };
/** Memory is looked at from then on, or from a sixth of the whole on if that is earlier. */
const WARM_UP_MS = 5 * 60_000;
const SAMPLE_MS = 1000;
/** Windows whose medians are compared. */
const WINDOWS = 10;
const MAX_GROWTH = 0.1;
/** Machines that power on in one storm, and in how much time unless at once. */
const BOOTS = 200;
const OVER_MS = 8000;
/** A storm that lasts longer has failed. */
const MAX_STORM_MS = 120_000;
/** A transfer whose client has gone is given up within this time. */
const SETTLE_MS = 45_000;

interface Sample {
  /** From the start. */
  readonly ms: number;
  readonly residentBytes: number;
}

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    clients: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    ...WRITE_OPTIONS,
  },
});
const report = new Report({ script: 'soak', flags });
const folder = mkdtempSync(join(tmpdir(), 'pxe-soak-'));
try {
  await soak(join(folder, 'root'));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function soak(root: string): Promise<void> {
  mkdirSync(root);
  for (const [name, size] of Object.entries(FILES)) writeFileSync(join(root, name), randomFillSync(new Uint8Array(size)));
  for (let folder = 0; folder < OWN_FOLDERS; folder++) {
    mkdirSync(join(root, `own${folder}`));
    for (let n = 1; n <= BOOTS; n++)
      writeFileSync(join(root, `own${folder}`, `${n}.img`), randomFillSync(new Uint8Array(OWN_FILE_BYTES)));
  }
  await using server = await startServer(CONTENDERS.find(({ name }) => name === 'pxe')!, root, 'boot.cfg');
  const expected = new Expected(root);
  const total = new Total();
  const before = await settledCensus(server.pid);
  // The cache is full before memory is looked at: that it fills is no growth.
  for (let number = 0; number < FOLDERS_THAT_FILL; number++) {
    const run = startStorm(plan(server.port, number, []), { family: 4, transport: 'auto', expected });
    report.progress('filling the cache');
    await run.ended;
    total.add(run);
  }
  const began = performance.now();
  const totalMs = Number(flags.minutes) * 60_000;
  const samples: Sample[] = [];
  const sampler = setInterval(() => {
    samples.push({ ms: performance.now() - began, residentBytes: residentBytes(server.pid) });
  }, SAMPLE_MS);
  for (let number = 1; performance.now() - began < totalMs; number++) {
    const run = startStorm(plan(server.port, number), { family: 4, transport: 'auto', expected });
    const progress = setInterval(() => report.progress(progressText(performance.now() - began, total, run, samples)), 500);
    await run.ended;
    clearInterval(progress);
    total.add(run);
  }
  clearInterval(sampler);
  report.progress('waiting for the server to settle');
  const after = await settledCensus(server.pid, before);
  const stats = await settledStats(server);
  report.progress('');
  verdict(total, samples, totalMs, { before, after }, stats);
}

/** Each storm has another curve, another seed, and all kinds of machines. */
function plan(port: number, number: number, shared = Object.keys(FILES)): StormPlan {
  const seed = Number(flags.seed) + number;
  const names = [...shared, `own${number % OWN_FOLDERS}/{n}.img`];
  return {
    files: names.map((name) => ({ server: peerKey('127.0.0.1', port), name })),
    machines: [],
    arrivals: arrivals(CURVES[number % CURVES.length]!, BOOTS, OVER_MS, seededRandom(seed)),
    clients: Number(flags.clients),
    profiles: PROFILE_NAMES,
    options: {},
    faults: FAULTS,
    allowAbsent: false,
    limits: STORM_LIMITS,
    seed,
    maxMs: MAX_STORM_MS,
  };
}

/** Descriptors when nothing is under way: as they were before, if that comes about in time. */
async function settledCensus(pid: number, before?: Census): Promise<Census> {
  const giveUpAt = performance.now() + SETTLE_MS;
  let last = census(pid);
  for (let alike = 0; performance.now() < giveUpAt; ) {
    await sleep(500);
    const now = census(pid);
    alike = censusChange(last, now) === undefined ? alike + 1 : 0;
    last = now;
    if (before ? censusChange(before, now) === undefined : alike >= 10) break;
  }
  return last;
}

/** What the server has counted when nothing is under way any more, if that comes about in time. */
async function settledStats(server: RunningServer): Promise<StatsSnapshot> {
  for (const giveUpAt = performance.now() + SETTLE_MS; ; await sleep(500)) {
    const stats = (await server.stats())!;
    if (leaks(stats, DEFAULT_CACHE_BYTES).length === 0 || performance.now() >= giveUpAt) return stats;
  }
}

function verdict(
  total: Total,
  samples: readonly Sample[],
  totalMs: number,
  { before, after }: { readonly before: Census; readonly after: Census },
  stats: StatsSnapshot,
): void {
  const warmUpMs = Math.min(WARM_UP_MS, totalMs / 6);
  const medians = windowMedians(samples, warmUpMs);
  const growth = Math.max(...medians) / medians[0]! - 1;
  const leak = censusChange(before, after);
  const left = leaks(stats, DEFAULT_CACHE_BYTES);
  const trouble = troubles(stats);
  const memory = `${medians.map(mebibytes).join(', ')} after the first ${Math.round(warmUpMs / 1000)} s`;
  const checks = [
    [total.wrong === 0, 'every transfer is right', total.text],
    [growth <= MAX_GROWTH, `resident memory grows by no more than ${MAX_GROWTH * 100} %`, memory],
    [leak === undefined, 'no descriptor is leaked', leak],
    [left.length === 0, 'no request, generation or cache is leaked', left.join(', ')],
    [trouble.length === 0, 'nothing has failed, hung or been dropped', trouble.join(', ')],
  ] as const;
  if (!flags.json) {
    for (const [holds, claim, detail] of checks) report.check(holds, claim, detail);
    return report.end(`${flags.minutes} minutes of mixed storm`);
  }
  const passed = checks.every(([holds]) => holds);
  const facts = { passed, minutes: totalMs / 60_000, ...total.plain, residentMedians: medians, growth, before, after, stats };
  report.line(JSON.stringify(facts));
  process.exitCode = passed ? 0 : 1;
}

/** Single samples tell more of the garbage collector than of the server. */
function windowMedians(samples: readonly Sample[], fromMs: number): number[] {
  const counted = samples.filter(({ ms }) => ms >= fromMs).map((sample) => sample.residentBytes);
  const each = counted.length / WINDOWS;
  return Array.from({ length: WINDOWS }, (_, i) =>
    quantile(counted.slice(Math.round(i * each), Math.round((i + 1) * each)), 0.5),
  );
}

function progressText(ms: number, total: Total, { storm }: StormRun, samples: readonly Sample[]): string {
  const { boots, bytes, failures } = storm.tally;
  return [
    `${(ms / 60_000).toFixed(1)} of ${flags.minutes} min`,
    `storm ${total.storms}`,
    `${total.boots + boots.completed} boots`,
    `${storm.running} under way`,
    `${((total.bytes + bytes) / 1e9).toFixed(2)} GB`,
    `${mebibytes(samples.at(-1)?.residentBytes ?? Number.NaN)}`,
    `${total.wrong + boots.failed} wrong`,
    ...[...failures.keys()].slice(0, 1),
  ].join('  ');
}
