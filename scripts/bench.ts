/**
 * `pxe` and those of its rivals that are installed, under the same storms; prints the table of docs/measurements.md.
 *
 *     npm run bench -- [--rounds 3] [--scenarios one,small] [--servers pxe,dnsmasq] [--json] [--list] [--write]
 *
 * Linux. Rounds are interleaved: each server once, then each once more. Every run has a server of its own, warmed up. It all
 * happens in a network namespace, since dnsmasq's port cannot be chosen; without the right to one, dnsmasq is left out.
 */
import { execFile, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { download } from '../src/tftp/client/client.ts';
import type { StormResult } from '../src/tftp/storm/result.ts';
import { quantile, Report, WRITE_OPTIONS } from './lib/report.ts';
import { CONTENDERS, type Contender, isInstalled, startServer } from './lib/rivals.ts';
import { troubles } from './lib/server-stats.ts';

/** What a run comes to. */
interface Measured {
  readonly megabytesPerSecond: number;
  readonly requestsPerSecond: number;
  /** Of whole transfers, ms. */
  readonly p99: number;
  readonly cpuSecondsPerGigabyte: number;
  readonly peakMebibytes: number;
  /** Boots that did not come to their end. */
  readonly failed: number;
  /** Of the machine, by other programs, 0–1. */
  readonly others: number;
}

interface Run {
  readonly scenario: string;
  readonly server: string;
  readonly round: number;
  readonly measured: Measured;
}

interface Column {
  readonly key: keyof Measured;
  readonly unit: string;
  readonly best: 'most' | 'least';
  readonly digits: number;
}

interface Scenario {
  readonly id: string;
  readonly title: string;
  /** A file of {@link FILES}, or a name that is absent. */
  readonly file: string;
  readonly flags: string;
  readonly columns: readonly Column[];
}

const RATE: Column = { key: 'megabytesPerSecond', unit: 'MB/s', best: 'most', digits: 1 };
const REQUESTS: Column = { key: 'requestsPerSecond', unit: 'a second', best: 'most', digits: 0 };
const P99: Column = { key: 'p99', unit: 'p99, ms', best: 'least', digits: 0 };
const CPU: Column = { key: 'cpuSecondsPerGigabyte', unit: 'server CPU s/GB', best: 'least', digits: 2 };
const MEMORY: Column = { key: 'peakMebibytes', unit: 'peak RSS, MiB', best: 'least', digits: 0 };

const FILES = { k1: 1024, k64: 65_536, m1: 1024 ** 2, m4: 4 * 1024 ** 2, m64: 64 * 1024 ** 2 };

const SCENARIOS: readonly Scenario[] = [
  { id: 'one', title: '1 client, lockstep', file: 'm64', flags: '-n 1', columns: [RATE] },
  { id: 'window', title: '1 client, windowsize 16', file: 'm64', flags: '-n 1 --boots 4 -w 16', columns: [RATE] },
  { id: 'lockstep', title: '64 clients, lockstep, 1 MiB', file: 'm1', flags: '-n 64 --boots 512', columns: [RATE, CPU] },
  { id: 'crowd', title: '500 clients, windowsize 4, 1 MiB', file: 'm1', flags: '-n 500 -w 4', columns: [RATE, CPU, MEMORY] },
  { id: 'storm', title: '1,000 clients at once, 64 KiB', file: 'k64', flags: '-n 1000', columns: [P99, CPU] },
  { id: 'small', title: '5,000 × 1 KiB, 50 clients', file: 'k1', flags: '-n 50 --boots 5000', columns: [REQUESTS] },
  { id: 'absent', title: '2,000 absent files, 10 clients', file: 'absent-{n}', flags: '-n 10 --boots 2000', columns: [REQUESTS] },
  {
    id: 'lossy',
    title: '16 clients, 4 MiB, 1 % lost each way',
    file: 'm4',
    flags: '-n 16 --loss 0.01',
    columns: [RATE],
  },
];

/** A run that takes longer is measured by how far it came. */
const MAX_SECONDS = 20;
const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    scenarios: { type: 'string' },
    servers: { type: 'string' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    ...WRITE_OPTIONS,
  },
});
const report = new Report({ script: 'bench', flags });

if (flags.list) for (const { id, title, flags: load } of SCENARIOS) report.line(`${id.padEnd(10)}${title} (${load})`);
else if (!enterNamespace()) await bench();

async function bench(): Promise<void> {
  const scenarios = chosen(SCENARIOS, flags.scenarios, ({ id }) => id);
  const contenders = chosen(CONTENDERS, flags.servers, ({ name }) => name).filter(isUsable);
  const folder = mkdtempSync(join(tmpdir(), 'pxe-bench-'));
  try {
    const root = makeRoot(folder);
    const all: Run[] = [];
    if (!flags.json) for (const line of headOf(contenders)) report.line(line);
    for (const scenario of scenarios) {
      for (let round = 1; round <= Number(flags.rounds); round++) {
        for (const contender of contenders) {
          report.progress(`${scenario.id}: ${contender.name}, round ${round}`);
          const measured = await measure(scenario, contender, root, round);
          if (measured) all.push({ scenario: scenario.id, server: contender.name, round, measured });
        }
      }
      // As they come: a whole run takes a quarter of an hour.
      if (!flags.json) for (const line of rowsOf(scenario, contenders, all)) report.line(line);
    }
    report.progress('');
    if (all.length === 0) throw new Error('nothing could be measured');
    if (flags.json) report.line(JSON.stringify(all));
    else {
      const others = all.map(({ measured }) => measured.others);
      report.line();
      report.line(
        `Medians of ${flags.rounds} interleaved rounds, ${availableParallelism()} cores; other programs used ${percent(quantile(others, 0.5))} of them in the median, ${percent(Math.max(...others))} at most.`,
      );
      report.write();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs this program in a network namespace of its own, unless it is there already or there can be none. Returns whether it did. */
function enterNamespace(): boolean {
  if (process.env.PXE_BENCH_NAMESPACE !== undefined) return false;
  const unshare = process.getuid?.() === 0 ? ['--net'] : ['--net', '--user', '--map-root-user'];
  // tftpd-hpa wants an address beside 127.0.0.1 (AI_ADDRCONFIG).
  const setUp = 'ip link set lo up && ip address add 127.0.0.2/8 dev lo && exec "$@"';
  if (spawnSync('unshare', [...unshare, 'sh', '-c', setUp, 'sh', 'true']).status !== 0) return false;
  const command = [process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', [...unshare, 'sh', '-c', setUp, 'sh', ...command], {
    stdio: 'inherit',
    env: { ...process.env, PXE_BENCH_NAMESPACE: '1' },
  });
  process.exitCode = status ?? 1;
  return true;
}

function isUsable(contender: Contender): boolean {
  const reason = !isInstalled(contender)
    ? `${contender.program} is not on the PATH`
    : contender.port !== undefined && process.env.PXE_BENCH_NAMESPACE === undefined
      ? `port ${contender.port} needs a network namespace`
      : undefined;
  if (reason !== undefined) process.stderr.write(`SKIP  ${contender.name}: ${reason}\n`);
  return reason === undefined;
}

function chosen<T>(all: readonly T[], names: string | undefined, nameOf: (one: T) => string): readonly T[] {
  if (names === undefined) return all;
  const wanted = names.split(',');
  const unknown = wanted.filter((name) => !all.some((one) => nameOf(one) === name));
  if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}; there are ${all.map(nameOf).join(', ')}`);
  return all.filter((one) => wanted.includes(nameOf(one)));
}

function makeRoot(folder: string): string {
  // Servers that give up their rights must still get in.
  chmodSync(folder, 0o755);
  const root = join(folder, 'root');
  mkdirSync(root, { mode: 0o755 });
  for (const [name, size] of Object.entries(FILES)) {
    writeFileSync(join(root, name), randomFillSync(new Uint8Array(size)), { mode: 0o644 });
  }
  return root;
}

async function measure(scenario: Scenario, contender: Contender, root: string, round: number): Promise<Measured | undefined> {
  try {
    await using server = await startServer(contender, root, 'k1');
    await warmUp(server.port);
    server.peakBytes();
    const [busy, cpu, began] = [busySeconds(), server.cpuSeconds(), performance.now()];
    const result = await storm(scenario, server.port, root, round);
    const cpuSeconds = server.cpuSeconds() - cpu;
    const seconds = (performance.now() - began) / 1000;
    const own = cpuSeconds + result.generatorCpuSeconds;
    const stats = await server.stats();
    // Figures of a server that has failed in between, or sent machines away, would be worth nothing.
    const trouble = stats ? troubles(stats) : [];
    if (trouble.length > 0) {
      process.stderr.write(`FAIL  ${scenario.id}, ${contender.name}: ${trouble.join(', ')}\n`);
      process.exitCode = 1;
    }
    return {
      megabytesPerSecond: result.megabytesPerSecond,
      requestsPerSecond: result.requestsPerSecond,
      p99: result.transferMs?.p99 ?? Number.NaN,
      cpuSecondsPerGigabyte: cpuSeconds / (result.bytes / 1e9),
      peakMebibytes: server.peakBytes() / 1024 ** 2,
      failed: result.boots.asked - result.boots.completed,
      others: Math.max(0, busySeconds() - busy - own) / seconds / availableParallelism(),
    };
  } catch (error) {
    process.stderr.write(`SKIP  ${scenario.id}, ${contender.name}: ${(error as Error).message}\n`);
    return undefined;
  }
}

async function warmUp(port: number): Promise<void> {
  const one = () => download({ host: '127.0.0.1', port, name: 'm1' }, () => {}, { blockSize: 1468 });
  for (let turn = 0; turn < 4; turn++) await Promise.all([one(), one(), one(), one()]);
}

interface ToldResult extends StormResult {
  readonly generatorCpuSeconds: number;
}

async function storm({ file, flags: load }: Scenario, port: number, root: string, round: number): Promise<ToldResult> {
  const fixed = ['-p', 'ipxe', '-b', '1468', '--yes', '--json', '--allow-absent', '--verify', root, '--seed', `${round}`];
  const args = ['storm', `tftp://127.0.0.1:${port}/${file}`, ...load.split(' '), ...fixed, '--max-seconds', `${MAX_SECONDS}`];
  // Exit code 1 tells that some failed, which the result tells, too.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [cli, ...args]).catch((error) => error);
  if (stdout === '') throw new Error(`the storm failed: ${stderr.trim()}`);
  return JSON.parse(stdout);
}

/** Seconds that all cores together have spent on anything. */
function busySeconds(): number {
  const [user, nice, system, , , irq, softIrq] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]!
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softIrq!) / 100;
}

function headOf(contenders: readonly Contender[]): readonly string[] {
  return [`| load | ${contenders.map(({ name }) => name).join(' | ')} |`, `| --- |${contenders.map(() => ' --- |').join('')}`];
}

function* rowsOf(scenario: Scenario, contenders: readonly Contender[], all: readonly Run[]): Generator<string> {
  const medians = (key: keyof Measured) =>
    contenders.map(({ name }) => {
      const runs = all.filter((run) => run.scenario === scenario.id && run.server === name);
      return quantile(
        runs.map(({ measured }) => measured[key]),
        0.5,
      );
    });
  const failed = medians('failed');
  // Who leaves some out has an easier time.
  const fewest = Math.min(...failed.filter(Number.isFinite));
  for (const { key, unit, best, digits } of scenario.columns) {
    const values = medians(key);
    const told = values.filter((value, i) => Number.isFinite(value) && failed[i] === fewest);
    const winner = best === 'most' ? Math.max(...told) : Math.min(...told);
    const cells = values.map((value, i) => {
      if (!Number.isFinite(value)) return '–';
      const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
      const marked = value === winner && failed[i] === fewest ? `**${text}**` : text;
      return failed[i]! > 0 ? `${marked} (${failed[i]} failed)` : marked;
    });
    yield `| ${scenario.title}: ${unit} | ${cells.join(' | ')} |`;
  }
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
