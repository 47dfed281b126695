/**
 * What a start costs: the time from exec to the first answer, and the memory of a server that then has nothing to do. Of the built
 * package and of this clone, by turns.
 *
 *     npm run measure:start -- [--runs 10] [--idle-ms 5000] [--maps] [--json] [--write]        Linux
 *
 * A client in a thread of its own asks for a small file from before the start on, every millisecond, until a block comes. Each kind
 * starts once before it is measured, so that compiled code is in the cache (a folder of this run); that start is told apart, as "cold".
 * `--maps` says what the resident memory is made of, by the middle run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { cpuTimeMs, type Mapping, residentMappings, statusBytes } from '../test/kit/process.ts';
import { freePort } from '../test/kit/serve.ts';
import { mebibytes, quantile, Report, WRITE_OPTIONS } from './lib/report.ts';

const ASK_MS = 1;
/** Mappings that are shown one by one. */
const LARGE_BYTES = 1024 ** 2;
/** A server that does not answer by then never will. */
const GIVE_UP_MS = 20_000;

const CONFIG = `import { defineConfig } from 'pxe';
import { accessLog, hosts } from 'pxe/plugins';

export default defineConfig({
  rootDir: './root',
  plugins: [accessLog(), hosts({ '52:54:00:aa:00:01': { name: 'web1', folder: 'web1' }, default: {} })],
});
`;

interface Start {
  readonly startMs: number;
  /** CPU time of all its threads until then: other work on the machine changes it little. */
  readonly cpuMs: number;
  readonly residentBytes: number;
  readonly peakBytes: number;
  readonly mappings: readonly Mapping[];
}

interface Asking {
  readonly port: number;
  /** 1 when the socket is bound. */
  readonly state: SharedArrayBuffer;
}

if (isMainThread) await main();
else ask(workerData as Asking);

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      ...WRITE_OPTIONS,
      runs: { type: 'string', default: '10' },
      'idle-ms': { type: 'string', default: '5000' },
      maps: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const clone = fileURLToPath(new URL('..', import.meta.url));
  const built = spawnSync(process.execPath, [join(clone, 'scripts/build.ts')], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (built.status !== 0) throw new Error('the package cannot be built');
  const kinds: Readonly<Record<string, readonly [string, ...string[]]>> = {
    package: [process.execPath, join(clone, 'dist/bin/pxe.js')],
    clone: [join(clone, 'bin/pxe')],
  };
  const report = new Report({ script: 'measure:start', flags });
  const [load = 0] = loadavg();
  const lab = mkdtempSync(join(tmpdir(), 'pxe-start-'));
  const results: Record<string, { cold: Start; runs: Start[] }> = {};
  try {
    mkdirSync(join(lab, 'root'));
    writeFileSync(join(lab, 'root/file'), 'boot');
    writeFileSync(join(lab, 'pxe.config.ts'), CONFIG);
    const start = (kind: string) => startOf(kinds[kind]!, lab, Number(flags['idle-ms']));
    for (const kind of Object.keys(kinds)) results[kind] = { cold: await start(kind), runs: [] };
    for (let run = 1; run <= Number(flags.runs); run++) {
      report.progress(`run ${run}`);
      for (const kind of Object.keys(kinds)) results[kind]!.runs.push(await start(kind));
    }
  } finally {
    rmSync(lab, { recursive: true });
  }
  if (flags.json) return void process.stdout.write(`${JSON.stringify(results, undefined, 2)}\n`);
  report.table([
    ['', 'exec to first answer, ms', 'CPU time until then, ms', 'with an empty cache, ms', 'resident when idle'],
    ...Object.entries(results).map(([kind, { cold, runs }]) => [
      kind,
      spread(runs, ({ startMs }) => startMs, Math.round),
      spread(runs, ({ cpuMs }) => cpuMs, Math.round),
      Math.round(cold.startMs),
      spread(runs, ({ residentBytes }) => residentBytes, mebibytes),
    ]),
  ]);
  if (flags.maps) for (const [kind, { runs }] of Object.entries(results)) tellMappings(report, kind, runs);
  report.line();
  report.line(
    `Medians of ${flags.runs} runs, minimum and maximum in brackets; resident ${Number(flags['idle-ms']) / 1000} s after the first answer. The load average was ${load.toFixed(1)} before.`,
  );
  report.end('start');
}

async function startOf([program, ...args]: readonly [string, ...string[]], lab: string, idleMs: number): Promise<Start> {
  const port = await freePort();
  const state = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const client = new Worker(new URL(import.meta.url), { workerData: { port, state } satisfies Asking });
  await once(client, 'online');
  await Atomics.waitAsync(new Int32Array(state), 0, 0).value;
  const answered = once(client, 'message');
  const began = process.hrtime.bigint();
  const child = spawn(program, [...args, 'serve', '--json', '--interface', '127.0.0.1', '--port', String(port)], {
    cwd: lab,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, XDG_CACHE_HOME: join(lab, 'cache') },
  });
  child.stdout.resume();
  try {
    const [ended] = (await Promise.race([answered, died(child)])) as [bigint];
    const pid = child.pid!;
    const cpuMs = cpuTimeMs(pid);
    await sleep(idleMs);
    return {
      startMs: Number(ended - began) / 1e6,
      cpuMs,
      residentBytes: statusBytes(pid, 'VmRSS'),
      peakBytes: statusBytes(pid, 'VmHWM'),
      mappings: residentMappings(pid),
    };
  } finally {
    await client.terminate();
    if (child.exitCode === null) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

async function died(child: ChildProcess): Promise<never> {
  const [code, signal] = await once(child, 'exit');
  throw new Error(`the server ended with ${code ?? signal}`);
}

/** The client's thread: tells when the first block came, ns. */
function ask({ port, state }: Asking): void {
  const socket = createSocket('udp4');
  const request = '\0\x01file\0octet\0';
  const giveUpAt = performance.now() + GIVE_UP_MS;
  const timer = setInterval(() => {
    if (performance.now() > giveUpAt) throw new Error(`no answer within ${GIVE_UP_MS} ms`);
    socket.send(request, port, '127.0.0.1');
  }, ASK_MS);
  socket.once('message', (block, from) => {
    parentPort!.postMessage(process.hrtime.bigint());
    clearInterval(timer);
    if (block[1] !== 3) throw new Error(`not a block: ${block.toString('latin1')}`);
    socket.send(Buffer.from([0, 4, 0, 1]), from.port, from.address, () => socket.close());
  });
  socket.bind(0, '127.0.0.1', () => {
    Atomics.store(new Int32Array(state), 0, 1);
    Atomics.notify(new Int32Array(state), 0);
  });
}

function spread(runs: readonly Start[], of: (run: Start) => number, show: (value: number) => string | number): string {
  const values = runs.map(of);
  return `${show(quantile(values, 0.5))} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

function tellMappings(report: Report, kind: string, runs: readonly Start[]): void {
  const middle = runs.toSorted((a, b) => a.residentBytes - b.residentBytes)[Math.floor(runs.length / 2)]!;
  const large = middle.mappings.filter(({ residentBytes }) => residentBytes >= LARGE_BYTES);
  const small = middle.mappings.filter(({ residentBytes }) => residentBytes < LARGE_BYTES);
  const sum = (of: (mapping: Mapping) => number) => small.reduce((total, mapping) => total + of(mapping), 0);
  const others: Mapping = {
    name: 'everything else',
    residentBytes: sum((mapping) => mapping.residentBytes),
    privateDirtyBytes: sum((mapping) => mapping.privateDirtyBytes),
  };
  report.line();
  report.table([
    [kind, 'resident', 'private dirty'],
    ...[...large, others].map(({ name, residentBytes, privateDirtyBytes }) => [
      name,
      mebibytes(residentBytes),
      mebibytes(privateDirtyBytes),
    ]),
  ]);
}
