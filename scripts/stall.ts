/**
 * What transfers notice of a server that stands still: a plugin that spins for two seconds, a forced garbage collection, a reload.
 *
 *     npm run measure:stall -- [--write]
 *
 * Settings by environment: TRANSPORT=native|portable, else both; CLIENTS (200), RATE (1000000 bytes a second each), ROUNDS (3)
 *
 * The transfers are of distinct files of 20 MiB, dropped from the page cache before each round (Linux: `dd oflag=nocache`); the
 * clients are a process of their own. A round without any disturbance comes first: what it shows is the machine's doing. What is
 * sent again is counted from 1.5 s on: a paced client's first ACKs are later than the OACK's round trip let the server expect.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConfigFolder, stateInForce } from '../test/kit/config-folder.ts';
import { freePort, type Served, serve } from '../test/kit/serve.ts';
import { get } from '../test/kit/tftp.ts';
import type { GapReport } from './lib/gap-clients.ts';
import { quantile, Report } from './lib/report.ts';

const CLIENTS = Number(process.env.CLIENTS ?? 200);
const RATE = Number(process.env.RATE ?? 1_000_000);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const FILE_BYTES = 20 * 1024 ** 2;
const SPIN_MS = 2000;
const GAP_AIM_MS = 200;
const CALM_MS = 1500;
const PATIENCE_MS = 30_000;

const report = new Report({ script: 'measure:stall', settings: ['TRANSPORT', 'CLIENTS', 'RATE', 'ROUNDS'] });
using folder = new ConfigFolder();
const paths = fill();
for (const transport of process.env.TRANSPORT ? [process.env.TRANSPORT] : ['native', 'portable']) await measure(transport);
report.end('stalls');

async function measure(transport: string): Promise<void> {
  const calm = await measureRound(transport, 'calm', async () => await sleep(SPIN_MS));
  const rounds: GapReport[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    rounds.push(await measureRound(transport, `round ${round}`, disturb));
  }
  const rate = quantile(
    rounds.map(({ bytes, seconds }) => bytes / seconds / 1e6),
    0.5,
  );
  report.line(`${transport}: ${CLIENTS} transfers, paced at ${RATE / 1e6} MB/s each; together ${rate.toFixed(1)} MB/s`);
  report.table([
    ['', 'longest gap, ms', 'median client', 'sent again', 'clients asked again', 'clients stood still, ms'],
    ...[calm, ...rounds].map((round, index) => [
      index === 0 ? 'undisturbed' : `round ${index}`,
      ...[quantile(round.gaps, 1), quantile(round.gaps, 0.5)].map(Math.round),
      ...[round.duplicates, round.retries, Math.round(round.lagMs)],
    ]),
  ]);
  const gap = quantile(
    rounds.map(({ gaps }) => quantile(gaps, 1)),
    0.5,
  );
  const again = rounds.map(({ duplicates }) => duplicates);
  if (transport === 'native')
    report.check(
      gap < GAP_AIM_MS,
      `native: no gap between DATA above ${GAP_AIM_MS} ms (median of rounds)`,
      `${gap.toFixed(0)} ms`,
    );
  report.check(quantile(again, 0.5) === 0, `${transport}: nothing is sent again (median of rounds)`, again.join(', '));
}

async function measureRound(transport: string, name: string, disturbed: typeof disturb): Promise<GapReport> {
  report.progress(`${transport}, ${name}`);
  for (const path of paths)
    execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
  const port = await freePort();
  folder.save(folder.config, configText(transport, port, 0));
  await using server = await serve({ flags: ['--config', folder.config] });
  await server.logged(({ msg }) => msg === 'ready', PATIENCE_MS);
  const clients = fork(fileURLToPath(new URL('lib/gap-clients.ts', import.meta.url)), [port, CLIENTS, RATE].map(String));
  await told(clients, 'under way');
  await sleep(CALM_MS);
  clients.send('measure');
  await sleep(CALM_MS);
  await disturbed(server, transport, port);
  await sleep(CALM_MS);
  clients.send('stop');
  const found = (await told(clients, 'report')) as GapReport;
  await once(clients, 'exit');
  return found;
}

/** Each of the three by itself, and the next once the one before is over. */
async function disturb(server: Served, transport: string, port: number): Promise<void> {
  const address = { address: '127.0.0.1', port };
  for (const what of ['spin', 'collect']) await get(address, what, { retryMs: PATIENCE_MS });
  folder.save(folder.config, configText(transport, port, 1));
  await server.logged(({ msg }) => msg === 'reload done', PATIENCE_MS);
  if ((await stateInForce(port)) !== 1) throw new Error('the reload had no effect');
}

async function told(clients: ChildProcess, kind: string): Promise<unknown> {
  for (;;) {
    const [message] = (await once(clients, 'message', { signal: AbortSignal.timeout(60_000) })) as [{ readonly kind: string }];
    if (message.kind === kind) return message;
  }
}

/** Distinct bytes. Returns where the files lie. */
function fill(): readonly string[] {
  const bytes = Buffer.alloc(FILE_BYTES, 'what a boot image holds ');
  return Array.from({ length: CLIENTS }, (_, index) => {
    report.progress(`file ${index}`);
    const path = join(folder.root, `file-${index}`);
    bytes.writeUInt32LE(index);
    writeFileSync(path, bytes);
    return path;
  });
}

function configText(transport: string, port: number, state: number): string {
  return `import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defineConfig, definePlugin, z } from 'pxe';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

const disturb = definePlugin({
  name: 'disturb',
  options: z.undefined(),
  setup: () => ({
    open({ name }) {
      if (name === 'spin') for (const end = performance.now() + ${SPIN_MS}; performance.now() < end; );
      else if (name === 'collect') collect();
      else if (name !== 'state') return;
      return Buffer.from('${state}');
    },
  }),
});

export default defineConfig({
  rootDir: './root',
  tftp: { transport: '${transport}', listen: [{ address: '127.0.0.1', port: ${port} }] },
  plugins: [disturb()],
});
`;
}
