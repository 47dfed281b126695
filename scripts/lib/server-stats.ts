/** What a server under test has counted: a plugin of its config writes it to a file when it is asked by SIGUSR1, and costs nothing until then. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StatsSnapshot } from '../../src/stats/stats.ts';

const ANSWER_MS = 10_000;

/** The plugin, as text for a config that imports `definePlugin`. */
export function statsPlugin(file: string): string {
  return `definePlugin({
    name: 'stats-on-signal',
    async setup(_, { stats, onDispose }) {
      const { renameSync, writeFileSync } = await import('node:fs');
      const write = () => {
        writeFileSync(${JSON.stringify(`${file}.new`)}, JSON.stringify(stats()));
        renameSync(${JSON.stringify(`${file}.new`)}, ${JSON.stringify(file)});
      };
      process.on('SIGUSR1', write);
      onDispose(() => void process.off('SIGUSR1', write));
      return {};
    },
  })()`;
}

/** Rejects if the server does not answer. */
export async function readStats(pid: number, file: string): Promise<StatsSnapshot> {
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR1');
  for (const giveUpAt = performance.now() + ANSWER_MS; performance.now() < giveUpAt; await sleep(10)) {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  }
  throw new Error(`no stats within ${ANSWER_MS} ms`);
}

/** What must not happen to a server whatever the load: empty if it did not. */
export function troubles({ counters, plugins }: StatsSnapshot): readonly string[] {
  const never = [
    ...(['drops.too-many-transfers', 'drops.too-many-transfers-of-address'] as const),
    ...(['restarts.data-thread', 'disk-calls.hung', 'log-lines.lost', 'reloads.failed'] as const),
  ];
  const ofPlugins = Object.entries(plugins).flatMap(([name, stats]) =>
    (['hook.errors', 'hook.timeouts'] as const).map((counter) => ({ name: `${counter} of ${name}`, count: stats[counter] })),
  );
  const all = [...never.map((name) => ({ name, count: counters[name] })), ...ofPlugins];
  return all.flatMap(({ name, count }) => (count > 0 ? [`${count} × ${name}`] : []));
}

/** What a server that has nothing to do still holds, or has counted for one side of an account only: empty if all is well. */
export function leaks({ counters, gauges }: StatsSnapshot, cacheBytes: number): readonly string[] {
  const { 'live.requests': requests, 'live.generations': generations } = gauges;
  const kept = gauges['cache-bytes.main'] + gauges['cache-bytes.data'];
  const asked = counters['requests.read'] + counters['requests.write'] + counters['requests.boot'];
  const ended = (['completed', 'probed', 'aborted', 'refused', 'failed'] as const)
    .map((outcome) => counters[`outcomes.${outcome}`])
    .reduce((sum, count) => sum + count, 0);
  return [
    ...(requests === 0 ? [] : [`${requests} requests still under way`]),
    ...(generations === 1 ? [] : [`${generations} generations live`]),
    ...(kept <= cacheBytes ? [] : [`${kept} bytes of files kept, ${cacheBytes} allowed`]),
    ...(asked === ended ? [] : [`${asked} requests, but ${ended} ends`]),
  ];
}
