/**
 * What a large root costs, and what a server does that gets no file events.
 *
 *     npm run measure:root -- [--write]      Linux; the second half needs `unshare` and user namespaces
 *
 * A user namespace of its own has limits of its own (/proc/sys/user/max_inotify_*), so that the limit is exhausted for the server
 * and for nobody else.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigFolder, configText, pluginText, stateInForce } from '../test/kit/config-folder.ts';
import { type Ended, pacedFile, VersionedFile } from '../test/kit/paced.ts';
import { census, residentBytes } from '../test/kit/process.ts';
import { freePort, type Served, serve } from '../test/kit/serve.ts';
import { get } from '../test/kit/tftp.ts';
import { mebibytes, quantile, Report } from './lib/report.ts';

const FILES = 50_000;
const FILES_PER_FOLDER = 100;
const ROUNDS = 7;
/** A config saved while no events come takes effect within this time. */
const EFFECT_MS = 5_000;
/** Files replaced, and as many rewritten, while each is read by several transfers. */
const CHANGED = 20;
const READERS = 3;
const TRANSFER_MS = 5_000;
const MIB = 1024 ** 2;

interface Cost {
  readonly startMs: number;
  readonly residentBytes: number;
  readonly watches: number;
  /** Time of a request for a file, the first one of this server. */
  readonly requestMs: number;
}

const report = new Report({ script: 'measure:root' });
/** Warnings of a server that lacks nothing: of what this machine could do better. */
const usual = new Set<string>();
await measureRoot();
report.line();
for (const limit of ['max_inotify_watches', 'max_inotify_instances']) await withoutEvents(limit);
await withoutWatching();
report.end('root');

async function measureRoot(): Promise<void> {
  using few = new ConfigFolder();
  using many = new ConfigFolder();
  writeFileSync(join(few.root, 'file-0'), 'boot');
  fill(many.root);
  const costs = { few: [] as Cost[], many: [] as Cost[] };
  for (let round = 1; round <= ROUNDS; round++) {
    report.progress(`round ${round}`);
    costs.few.push(await costOf(few, 'file-0'));
    costs.many.push(await costOf(many, `folder-${round}/file-7`));
  }
  const row = (name: string, of: readonly Cost[]) => [
    name,
    Math.round(
      quantile(
        of.map(({ startMs }) => startMs),
        0.5,
      ),
    ),
    mebibytes(
      quantile(
        of.map((cost) => cost.residentBytes),
        0.5,
      ),
    ),
    quantile(
      of.map(({ requestMs }) => requestMs),
      0.5,
    ).toFixed(1),
    Math.max(...of.map(({ watches }) => watches)),
  ];
  report.table([
    ['root', 'start, ms', 'resident', 'first request, ms', 'inotify watches'],
    row('1 file', costs.few),
    row(`${FILES} files`, costs.many),
  ]);
  const watches = (of: readonly Cost[]) => of.map((cost) => cost.watches).join();
  report.check(watches(costs.many) === watches(costs.few), 'nothing is watched under the root');
}

/** Start-up is the time from the birth of the process to the line "ready". */
async function costOf(folder: ConfigFolder, name: string, prefix: readonly string[] = []): Promise<Cost> {
  const port = await freePort();
  folder.save(folder.config, configText({ ports: [port], state: 1 }));
  const began = performance.now();
  await using server = await serve({ flags: ['--config', folder.config], prefix });
  await server.logged(({ msg }) => msg === 'ready');
  const startMs = performance.now() - began;
  await sleep(300);
  const resident = residentBytes(server.pid);
  const asked = performance.now();
  const { bytes } = await get({ address: '127.0.0.1', port }, name);
  const requestMs = performance.now() - asked;
  for (const complaint of complaintsOf(server)) usual.add(complaint);
  if (bytes.toString() !== 'boot') throw new Error(`${name} was not served`);
  return { startMs, residentBytes: resident, watches: census(server.pid).watches ?? 0, requestMs };
}

function fill(root: string): void {
  for (let folder = 0; folder < FILES / FILES_PER_FOLDER; folder++) {
    const path = join(root, `folder-${folder}`);
    mkdirSync(path);
    for (let file = 0; file < FILES_PER_FOLDER; file++) writeFileSync(join(path, `file-${file}`), 'boot');
  }
}

/** @param limit of /proc/sys/user, set to 0 for the server */
async function withoutEvents(limit: string): Promise<void> {
  const prefix = inNamespace(`echo 0 > /proc/sys/user/${limit}`);
  if (spawnSync(prefix[0]!, [...prefix.slice(1), 'true']).status !== 0) {
    return report.line(`SKIP  ${limit} exhausted: no user namespaces here`);
  }
  using folder = new ConfigFolder();
  // Who is root in a namespace only may do less, and the server says so.
  writeFileSync(join(folder.root, 'file-0'), 'boot');
  await costOf(folder, 'file-0', inNamespace('true'));
  const port = await freePort();
  folder.save(folder.config, configText({ ports: [port], state: 1 }));
  const files = makeFiles(folder);
  await using server = await serve({ flags: ['--config', folder.config], prefix });
  await server.logged(({ msg }) => msg === 'ready');
  const ruled = byteRules(port, files);
  const configMs = await effectMs(port, 2, () => folder.save(folder.config, configText({ ports: [port], state: 2 })));
  const pluginMs = await effectMs(port, 3, () => folder.save(folder.plugin, pluginText(3), 'rename'));
  const outcome = await ruled;
  const complaints = complaintsOf(server);
  report.check(
    complaints.length === 1 && (census(server.pid).watches ?? 0) === 0,
    `${limit} exhausted: one line`,
    complaints.join('; '),
  );
  const took = [configMs, pluginMs].map((ms) => `${Math.round(ms)} ms`).join(', ');
  report.check(Math.max(configMs, pluginMs) < EFFECT_MS, `${limit} exhausted: config and plugin take effect`, took);
  report.check(outcome.holds, `${limit} exhausted: no transfer mixes versions`, outcome.text);
  report.check((await server.stop()).code === 0, `${limit} exhausted: the server stops`);
}

/** A command that runs another one in a user namespace of its own, after `first`. */
function inNamespace(first: string): readonly string[] {
  return ['unshare', '--user', '--map-root-user', 'sh', '-c', `${first} && exec "$@"`, 'sh'];
}

async function withoutWatching(): Promise<void> {
  using folder = new ConfigFolder();
  const port = await freePort();
  folder.save(folder.config, configText({ ports: [port], state: 1 }));
  const files = makeFiles(folder);
  await using server = await serve({ flags: ['--config', folder.config, '--no-watch'] });
  await server.logged(({ msg }) => msg === 'ready');
  const ruled = byteRules(port, files);
  folder.save(folder.config, configText({ ports: [port], state: 2 }));
  await sleep(3000);
  const untouched = (await stateInForce(port)) === 1;
  const signalMs = await effectMs(port, 2, () => process.kill(server.pid, 'SIGHUP'));
  const outcome = await ruled;
  report.check(untouched && complaintsOf(server).length === 0, '--no-watch: a save alone does nothing');
  report.check(signalMs < EFFECT_MS, '--no-watch: SIGHUP takes effect', `${Math.round(signalMs)} ms`);
  report.check(outcome.holds, '--no-watch: no transfer mixes versions', outcome.text);
}

async function effectMs(port: number, wanted: number, save: () => void): Promise<number> {
  const began = performance.now();
  save();
  while ((await stateInForce(port)) !== wanted) {
    if (performance.now() - began > 2 * EFFECT_MS) return Number.POSITIVE_INFINITY;
    await sleep(5);
  }
  return performance.now() - began;
}

function makeFiles(folder: ConfigFolder): readonly VersionedFile[] {
  return Array.from({ length: 2 * CHANGED }, (_, id) => new VersionedFile(folder.root, id, MIB + (id % 5) * 300_000));
}

/** Each file changes once while it is read; afterwards it is asked for again. */
async function byteRules(
  port: number,
  files: readonly VersionedFile[],
): Promise<{ readonly holds: boolean; readonly text: string }> {
  const how = { port, windowSize: 4, blockSize: 8192, durationMs: TRANSFER_MS };
  const transfers = files.flatMap((file) => Array.from({ length: READERS }, () => pacedFile(file, how)));
  const again: Promise<Ended>[] = [];
  for (const [index, file] of files.entries()) {
    await sleep(TRANSFER_MS / 2 / files.length);
    const size = file.sizes.at(-1)!;
    if (index % 2 === 0) file.replace(size + index);
    else file.rewrite(size, false);
    again.push(pacedFile(file, { ...how, durationMs: 0 }));
  }
  const [ended, renewed] = [await Promise.all(transfers), await Promise.all(again)];
  const failures = [...ended, ...renewed].flatMap((one) => (one.kind === 'failed' ? [one.reason] : []));
  const count = (kind: Ended['kind']) => ended.filter((one) => one.kind === kind).length;
  const fresh = renewed.filter(({ kind }) => kind === 'completed').length;
  const text = `${count('completed')} completed, ${count('changed')} "file changed", ${fresh} of ${files.length} fetched anew`;
  return { holds: failures.length === 0 && fresh === files.length, text: [text, ...failures.slice(0, 3)].join('; ') };
}

/** Warnings and errors of its log that are not {@link usual}, and whatever else it wrote. */
function complaintsOf({ log, noise }: Served): readonly string[] {
  const lines = [...log.filter(({ level }) => level >= 40).map(({ msg }) => msg), ...noise];
  return lines.filter((line) => !usual.has(line));
}
