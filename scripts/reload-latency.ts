/**
 * From a save to its effect, and what a reload leaves behind in memory.
 *
 *     npm run measure:reload -- [--write]       ROUNDS=1 for a quick look
 *
 * Effect: a request gets content of the new generation; asked every few milliseconds, while 200 slow transfers run. Three rounds,
 * of which the quietest counts: this machine has other things to do.
 */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ConfigFolder, configText, pluginText, stateInForce } from '../test/kit/config-folder.ts';
import { keepUnderWay, VersionedFile } from '../test/kit/paced.ts';
import { freePort, serve } from '../test/kit/serve.ts';
import { quantile, Report } from './lib/report.ts';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
/** Of each file, in each round. */
const SAVES = 100;
const TRANSFERS = 200;
const POLL_MS = 3;
const PATIENCE_MS = 10_000;
const MEDIAN_AIM_MS = 300;
const P95_AIM_MS = 1000;
const RELOADS = 1000;
/** Of `lib/heap-growth.ts`. */
const WAYS = { node: 'imported by Node alone', loader: 'imported by the loader', server: 'reloaded by a server' } as const;
/** Beside what importing the same files leaves: less than so many bytes. */
const GROWTH_AIM = 2048;

/** Milliseconds from save to effect. */
interface Round {
  readonly config: readonly number[];
  readonly plugin: readonly number[];
}

/** What `lib/heap-growth.ts` prints. */
interface Growth {
  readonly heap: number;
  readonly resident: number;
  readonly generations: number;
}

const report = new Report({ script: 'measure:reload', settings: ['ROUNDS', 'TRANSPORT'] });
await measureLatency();
await measureGrowth();
report.end('from save to effect');

async function measureLatency(): Promise<void> {
  using folder = new ConfigFolder();
  const port = await freePort();
  folder.save(folder.config, configText({ ports: [port], state: 0 }));
  const files = Array.from({ length: 20 }, (_, id) => new VersionedFile(folder.root, id, (1 + (id % 4)) * 1024 ** 2));
  await using server = await serve({ flags: ['--config', folder.config] });
  await server.logged(({ msg }) => msg === 'ready');
  const stop = new AbortController();
  const transfers = keepUnderWay(TRANSFERS, port, files, stop.signal);
  await sleep(2000);
  const rounds: Round[] = [];
  let state = 0;
  for (let round = 1; round <= ROUNDS; round++) {
    const times = { config: [] as number[], plugin: [] as number[] };
    for (let save = 1; save <= SAVES; save++) {
      report.progress(`round ${round}  ${save} of ${SAVES}`);
      times.config.push(await timeSave(++state, () => folder.save(folder.config, configText({ ports: [port], state }))));
      times.plugin.push(await timeSave(++state, () => folder.save(folder.plugin, pluginText(state))));
    }
    rounds.push(times);
  }
  stop.abort();
  const reasons = await transfers;
  report.line(`from save to effect, ms, with ${TRANSFERS} transfers; ${SAVES} saves of each file in a round`);
  report.table([
    ['round', 'file', 'median', 'p95', 'longest'],
    ...rounds.flatMap((round, index) => [row(index, 'pxe.config.ts', round.config), row(index, 'its plugin', round.plugin)]),
  ]);
  for (const file of ['config', 'plugin'] as const) {
    const quietest = rounds.map((round) => round[file]).toSorted((a, b) => quantile(a, 0.5) - quantile(b, 0.5))[0]!;
    const [median, p95] = [quantile(quietest, 0.5), quantile(quietest, 0.95)];
    const holds = median < MEDIAN_AIM_MS && p95 < P95_AIM_MS;
    const detail = `${median.toFixed(0)} ms, ${p95.toFixed(0)} ms`;
    report.check(holds, `${file} saved: median < ${MEDIAN_AIM_MS} ms, 95th percentile < ${P95_AIM_MS} ms`, detail);
  }
  report.check(reasons.length === 0, 'no transfer failed meanwhile', reasons.slice(0, 3).join('; '));

  async function timeSave(wanted: number, save: () => void): Promise<number> {
    await sleep(50 + 100 * Math.random());
    const began = performance.now();
    save();
    while ((await stateInForce(port)) !== wanted) {
      if (performance.now() - began > PATIENCE_MS) throw new Error(`save ${wanted} takes no effect`);
      await sleep(POLL_MS);
    }
    return performance.now() - began;
  }
}

function row(index: number, file: string, times: readonly number[]): (string | number)[] {
  return [index + 1, file, ...[0.5, 0.95, 1].map((share) => Math.round(quantile(times, share)))];
}

async function measureGrowth(): Promise<void> {
  report.progress(`${RELOADS} reloads`);
  const program = fileURLToPath(new URL('lib/heap-growth.ts', import.meta.url));
  const grown = await Promise.all(
    Object.keys(WAYS).map(async (way) => {
      const { stdout } = await promisify(execFile)(process.execPath, [program, way, String(RELOADS)]);
      return { way, ...(JSON.parse(stdout) as Growth) };
    }),
  );
  report.line();
  report.line(`growth over ${RELOADS} reloads of a config and a plugin, bytes for each reload`);
  report.table([
    ['', 'heap', 'resident'],
    ...grown.map(({ way, heap, resident }) => [WAYS[way as keyof typeof WAYS], Math.round(heap), Math.round(resident)]),
  ]);
  const alive = Math.max(...grown.map(({ generations }) => generations));
  report.check(alive === 1, 'the generation in force is the only one in memory', `${alive}`);
  const heapOf = (wanted: string) => grown.find(({ way }) => way === wanted)!.heap;
  const more = heapOf('server') - heapOf('node');
  report.check(
    more < GROWTH_AIM,
    `a reload leaves its module records and less than ${GROWTH_AIM} bytes more`,
    `${Math.round(more)}`,
  );
}
