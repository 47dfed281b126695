/**
 * What a flood of stray ACKs costs: the main thread's time, the transfers beside it, and whether each ACK is counted.
 *
 *     npm run measure:flood -- [--write]
 *
 * Settings by environment: CLIENTS (50), RATE (1000000 bytes a second each), ACKS (200000 a second), SECONDS (5)
 *
 * The clients and the flood are processes of their own. What the kernel drops because the socket's buffer is full never
 * reaches the server; the kernel counts that, so the two counts together must be what was sent.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConfigFolder } from '../test/kit/config-folder.ts';
import { type Served, serve } from '../test/kit/serve.ts';
import type { GapReport } from './lib/gap-clients.ts';
import { quantile, Report } from './lib/report.ts';
import type { FloodReport } from './lib/stray-acks.ts';

const CLIENTS = Number(process.env.CLIENTS ?? 50);
const RATE = Number(process.env.RATE ?? 1_000_000);
const ACKS = Number(process.env.ACKS ?? 200_000);
const SECONDS = Number(process.env.SECONDS ?? 5);
const MAX_BUSY_PERCENT = 10;
const MAX_GAP_MS = 200;
const CALM_MS = 1500;
const PATIENCE_MS = 30_000;
/** Enough for the calm and the flood, and what is around them. */
const FILE_BYTES = RATE * (2 * SECONDS + 15);

const report = new Report({ script: 'measure:flood', settings: ['CLIENTS', 'RATE', 'ACKS', 'SECONDS'] });
using folder = new ConfigFolder();
fill();
await using server = await serve({ flags: ['--root-dir', folder.root, '--interface', '127.0.0.1', '--port', '0'] });
await server.logged(({ msg }) => msg === 'ready', PATIENCE_MS);
const clients = start('gap-clients', server.port, CLIENTS, RATE);
await told(clients, 'under way');
await sleep(CALM_MS);
report.progress('calm');
const calm = await busyMs(() => sleep(SECONDS * 1000));
clients.send('measure');
report.progress('flood');
let flood!: FloodReport;
const flooded = await busyMs(async () => {
  flood = (await told(start('stray-acks', server.port, ACKS, SECONDS), 'report')) as FloodReport;
});
await sleep(CALM_MS);
const dropped = kernelDrops(server.port);
clients.send('stop');
const { gaps, duplicates, lagMs } = (await told(clients, 'report')) as GapReport;
await once(clients, 'exit');
const counted = await countedStrays(server);

const busy = ((flooded - calm) / (flood.seconds * 1000)) * 100;
report.line(`${CLIENTS} transfers, paced at ${RATE / 1e6} MB/s each; ${flood.sent} stray ACKs in ${flood.seconds.toFixed(1)} s`);
report.table([
  [
    'main thread, calm, ms',
    'flooded, ms',
    'longest gap, ms',
    'sent again',
    'counted',
    'dropped by the kernel',
    'clients stood still, ms',
  ],
  [Math.round(calm), Math.round(flooded), Math.round(quantile(gaps, 1)), duplicates, counted, dropped, Math.round(lagMs)],
]);
const rate = flood.sent / flood.seconds;
report.check(rate > 0.9 * ACKS, `the flood has its ${ACKS} ACKs a second`, `${Math.round(rate)}`);
report.check(
  busy < MAX_BUSY_PERCENT,
  `the main thread is busy for less than ${MAX_BUSY_PERCENT} % because of it`,
  `${busy.toFixed(1)} %`,
);
report.check(quantile(gaps, 1) < MAX_GAP_MS, `no gap between DATA above ${MAX_GAP_MS} ms`, `${quantile(gaps, 1).toFixed(0)} ms`);
report.check(
  counted + dropped === flood.sent,
  'every stray is counted, by the server or by the kernel',
  `${counted} + ${dropped} of ${flood.sent}`,
);
report.end('flood');

function fill(): void {
  const first = join(folder.root, 'file-0');
  writeFileSync(first, Buffer.alloc(FILE_BYTES, 'what a boot image holds '));
  for (let index = 1; index < CLIENTS; index++) linkSync(first, join(folder.root, `file-${index}`));
}

function start(name: string, ...settings: readonly number[]): ChildProcess {
  return fork(fileURLToPath(new URL(`lib/${name}.ts`, import.meta.url)), settings.map(String));
}

async function told(from: ChildProcess, kind: string): Promise<unknown> {
  for (;;) {
    const [message] = (await once(from, 'message', { signal: AbortSignal.timeout(60_000) })) as [{ readonly kind: string }];
    if (message.kind === kind) return message;
  }
}

/** Milliseconds that the server's main thread runs meanwhile. */
async function busyMs(during: () => Promise<unknown>): Promise<number> {
  const ran = () => Number(readFileSync(`/proc/${server.pid}/task/${server.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  const before = ran();
  await during();
  return ran() - before;
}

/** Datagrams for this port that the kernel had no room for. */
function kernelDrops(port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1);
  const fields = rows.map((row) => row.trim().split(/\s+/)).find((row) => row[1]?.endsWith(hex));
  return Number(fields?.at(-1));
}

async function countedStrays({ pid, logged }: Served): Promise<number> {
  process.kill(pid, 'SIGUSR1');
  const { stats } = (await logged(({ msg }) => msg === 'status', PATIENCE_MS)) as unknown as {
    readonly stats: { readonly counters: Readonly<Record<string, number>> };
  };
  return stats.counters['drops.unknown-transfer'] ?? Number.NaN;
}
