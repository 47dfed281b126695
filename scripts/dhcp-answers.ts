/**
 * How soon machines that are switched on together get an offer by DHCP.
 *
 *     npm run measure:dhcp -- [--write]
 *
 * Run as root: the server and the machines are on a wire between two network namespaces. Settings by environment: MACHINES (1000),
 * SPREAD_MS (1000: they are switched on within this time), LISTED (10000 machines in `hosts`), RUNS (5)
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../test/kit/serve.ts';
import { must, Namespaces } from '../test/netns/namespaces.ts';
import { Report } from './lib/report.ts';

const MACHINES = Number(process.env.MACHINES ?? 1000);
const SPREAD_MS = Number(process.env.SPREAD_MS ?? 1000);
const LISTED = Number(process.env.LISTED ?? 10_000);
const RUNS = Number(process.env.RUNS ?? 5);
const MAX_P99_MS = 100;
const WAIT_MS = 5000;

const report = new Report({ script: 'measure:dhcp', settings: ['MACHINES', 'SPREAD_MS', 'LISTED', 'RUNS'] });
const folder = mkdtempSync(join(tmpdir(), 'pxe-dhcp-'));
try {
  writeFileSync(join(folder, 'pxe.config.ts'), configText());
  await using network = await Namespaces.make('server', 'machines');
  await network.cable(
    { machine: 'server', device: 'lab0', addresses: ['10.77.0.1/24'] },
    { machine: 'machines', device: 'eth0', addresses: ['10.77.0.10/24'] },
  );
  await network.ip('machines', 'route', 'add', '255.255.255.255', 'dev', 'eth0');
  const rows: (readonly (string | number)[])[] = [];
  let [answered, slowest] = [0, 0];
  for (let run = 1; run <= RUNS; run++) {
    report.progress(`run ${run} of ${RUNS}`);
    // Each run has a server of its own: a machine that asks again and again gets another layout.
    await using server = await serve({
      flags: ['--config', join(folder, 'pxe.config.ts')],
      prefix: network.on('server'),
      cwd: folder,
    });
    await server.logged(({ msg }) => msg === 'ready', 30_000);
    const result = await askAll(network);
    answered += result.answered;
    slowest = Math.max(slowest, result.p99);
    rows.push([run, result.answered, ...[result.p50, result.p99, result.max].map((ms) => ms.toFixed(1))]);
  }
  report.line(`${MACHINES} machines within ${SPREAD_MS} ms, ${LISTED} machines in \`hosts\``);
  report.table([['run', 'answered', 'median, ms', '99th percentile, ms', 'longest, ms'], ...rows]);
  report.check(
    answered === MACHINES * RUNS,
    'every machine is answered, without asking again',
    `${answered} of ${MACHINES * RUNS}`,
  );
  report.check(slowest <= MAX_P99_MS, `the 99th percentile is at most ${MAX_P99_MS} ms`, `${slowest.toFixed(1)} ms`);
  report.end('dhcp');
} finally {
  rmSync(folder, { recursive: true });
}

interface Result {
  readonly answered: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

async function askAll(network: Namespaces): Promise<Result> {
  const script = fileURLToPath(new URL('../test/netns/many-dhcp.ts', import.meta.url));
  const sizes = [MACHINES, SPREAD_MS, WAIT_MS].map(String);
  return JSON.parse(await must([...network.on('machines'), process.execPath, script, discover(), ...sizes])) as Result;
}

/** As x86-64 UEFI sent it. */
function discover(): string {
  const vectors = readFileSync(new URL('../test/data/dhcp-vectors.txt', import.meta.url), 'utf8');
  const line = vectors.split('\n').find((line) => line.startsWith('ovmf-x64-discover-67 |')) ?? '';
  return line.slice(line.lastIndexOf('|') + 1).trim();
}

function configText(): string {
  const machines = Array.from({ length: LISTED }, (_, i) => {
    const mac = `52:54:${(i + 1)
      .toString(16)
      .padStart(8, '0')
      .replace(/..(?=.)/g, '$&:')}`;
    return [mac, { name: `machine-${i + 1}`, boot: { 'uefi-x64': 'ipxe.efi', ipxe: `machines/${i + 1}.ipxe` } }];
  });
  return `import { accessLog, hosts, identify } from 'pxe/plugins';
export default {
  rootDir: '.',
  dhcp: {},
  plugins: [
    identify({ dhcp: true }),
    hosts(${JSON.stringify(Object.fromEntries(machines))}),
    accessLog(),
  ],
};
`;
}
