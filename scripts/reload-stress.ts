/**
 * Live reload under load: the real server in a process of its own, 200 transfers, and everything changes meanwhile.
 *
 *     npm run test:reload          SEED=n repeats the choices of a run, not its timing; TRANSPORT=portable|native, else auto
 *
 * Every byte that arrives says which version it is of (`lib/versioned.ts`), so nothing mixed can pass. Ends within 60 s.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ConfigFolder,
  type ConfigValues,
  configText,
  pluginText,
  type SaveStyle,
  stateInForce,
} from '../test/kit/config-folder.ts';
import { type Ended, type Plan, paced, pacedFile, VersionedFile } from '../test/kit/paced.ts';
import { census, censusChange } from '../test/kit/process.ts';
import { seeded } from '../test/kit/random.ts';
import { freePort, type LogLine, serve } from '../test/kit/serve.ts';
import { Peer } from '../test/kit/tftp.ts';
import { Report } from './lib/report.ts';

const LIMIT_MS = 60_000;
/** All transfers and all changes happen in this time; what follows is the drain. */
const RUN_MS = 25_000;
const DRAIN_MS = 10_000;

const TRANSFERS = 200;
/** Of content that the plugin makes up. */
const GENERATED = 40;
/** Under way from the beginning on; the others begin later. */
const EARLY = 120;
const RELOADS = 100;
/** Each is followed by a reload that mends it. */
const BROKEN = 10;
/** Which of the further ports are listened on from a reload on. */
const LISTEN: ReadonlyMap<number, readonly number[]> = new Map([
  [10, [1]],
  [30, [2]],
  [50, [1, 2]],
  [70, [1]],
  [90, []],
]);
/** Files replaced by rename, and as many rewritten in place; half of each while a transfer reads them. */
const CHANGED = 100;
/** What a socket buffers where nobody has raised the limit: this run is not about loss. */
const WINDOW_BYTES = 65536;
const ROUND_TRIPS = 2500;
/** A save in place is not atomic: on a busy machine the server may see it half done, which costs a message and no more. */
const HALF_SAVES = 5;
const MIB = 1024 ** 2;

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const random = seeded(seed);
const report = new Report();
report.line(`seed ${seed}`);
const watchdog = setTimeout(() => {
  report.check(false, `ends within ${LIMIT_MS / 1000} s`, progressText());
  process.exit(1);
}, LIMIT_MS);

using folder = new ConfigFolder();
process.once('exit', () => folder[Symbol.dispose]());
const extraPorts = [await freePort(), await freePort()];
const mainPort = await freePort();
await using occupant = await Peer.open();
/** What the files of the config say now, as far as it is good. */
let good: ConfigValues = { ports: [mainPort], state: 0 };
folder.save(folder.config, configText(good));
/** Half of the files are read by the 200 transfers, the others by nobody until they have changed. */
const busy = Array.from({ length: CHANGED }, (_, id) => new VersionedFile(folder.root, id, transferSize()));
const quiet = Array.from({ length: CHANGED }, (_, id) => new VersionedFile(folder.root, CHANGED + id, quietSize()));

const server = await serve({ flags: ['--config', folder.config] });
const kill = () => void process.kill(server.pid, 'SIGKILL');
process.once('exit', kill);
await server.logged(({ msg }) => msg === 'ready');
await stateInForce(mainPort);
const before = census(server.pid);

const began = performance.now();
const outcomes: Ended[] = [];
const wrong: string[] = [];
/** Transfers that have not got their first bytes yet, by port: such a port is not closed. */
const beginning = new Map<number, number>();
const underWay = new Map<number, number>();
const seen = new Set<LogLine>();
const counts = { reloads: 0, broken: 0, half: 0, carried: 0, changes: 0, busyReplaced: 0, busyRewritten: 0, fresh: 0 };
let nextFile = 0;
/** Number of the last save; each carries its own into the config, the plugin or the watched file. */
let step = 0;
/** The state that is known to be in force. */
let inForce = 0;
/** The port that is going to be closed. */
let closing: number | undefined;

const showing = setInterval(() => report.progress(progressText()), 500);
await Promise.all([runTransfers(), runReloads(), runChanges()]);
clearInterval(showing);
const busyMs = performance.now() - began;
await settled();
const after = censusChange(before, census(server.pid));
const { code } = await server.stop();
process.off('exit', kill);
verdict();
clearTimeout(watchdog);
report.end(`reload stress, seed ${seed}, ${((performance.now() - began) / 1000).toFixed(1)} s`);

async function runTransfers(): Promise<void> {
  const plans = Array.from({ length: TRANSFERS }, (_, index) => ({ index, at: startOf(index) }));
  await Promise.all(
    plans.map(async ({ index, at }) => {
      await until(at);
      outcomes.push(await transfer(index, at));
    }),
  );
}

function startOf(index: number): number {
  return index < EARLY ? random() * 1500 : (0.1 + 0.5 * random()) * RUN_MS;
}

async function transfer(index: number, at: number): Promise<Ended> {
  const port = random.pick(good.ports.filter((port) => port !== closing));
  const file = index % (TRANSFERS / GENERATED) === 0 ? undefined : busy[nextFile++ % busy.length]!;
  const size = file?.sizes.at(-1) ?? Math.floor(transferSize() / 16) * 16;
  const windowSize = random.int(1, 16);
  const how = { port, windowSize, blockSize: blockSizeFor(size, windowSize), durationMs: (RUN_MS - at) * (0.5 + 0.4 * random()) };
  let begun = false;
  add(beginning, port, 1);
  add(underWay, port, 1);
  const begins = () => {
    begun = true;
    add(beginning, port, -1);
  };
  const ended = await (file
    ? pacedFile(file, how, begins)
    : generated({ ...how, name: `generated/${index}-${size}`, id: index, size }, begins));
  if (!begun) add(beginning, port, -1);
  add(underWay, port, -1);
  return ended;
}

/** Any that keeps to the bounds of a window and of round trips, which are slow on a busy machine. */
function blockSizeFor(size: number, windowSize: number): number {
  const fitting = [16384, 8192, 4096, 1428].filter((bytes) => windowSize * bytes <= WINDOW_BYTES);
  const quick = fitting.filter((bytes) => size / (windowSize * bytes) <= ROUND_TRIPS);
  return quick.length > 0 ? random.pick(quick) : fitting[0]!;
}

/** Content of the plugin must be of the generation that was in force when it was asked for, to its last byte. */
async function generated(plan: Plan, begins: () => void): Promise<Ended> {
  const { name, size } = plan;
  const earliest = inForce;
  let latest = 0;
  const ended = await paced(plan, () => {
    // The reload that is under way may have taken effect already.
    latest = step;
    begins();
  });
  if (ended.kind === 'changed') return { kind: 'failed', reason: `${name}: took for a file that changed` };
  if (ended.kind === 'failed') return ended;
  if (ended.bytes !== size) return { kind: 'failed', reason: `${name}: ${ended.bytes} bytes` };
  if (ended.version >= earliest && ended.version <= latest) return ended;
  return { kind: 'failed', reason: `${name}: of state ${ended.version}, not one of ${earliest}–${latest}` };
}

async function runReloads(): Promise<void> {
  let mend: (() => void) | undefined;
  for (let number = 1; number <= RELOADS; number++) {
    await until((RUN_MS * 0.95 * number) / RELOADS);
    step = number;
    const wanted = LISTEN.get(number);
    if (mend) {
      mend();
      mend = undefined;
      await takesEffect(number);
    } else if (wanted) {
      await changeListen(wanted.map((index) => extraPorts[index - 1]!));
      await takesEffect(number);
    } else if (number % (RELOADS / BROKEN) === 5) {
      mend = breakIt(Math.floor(number / (RELOADS / BROKEN)));
      await isRefused(number);
    } else {
      change(number);
      await takesEffect(number);
    }
    counts.reloads = number;
  }
}

/** Closed ports keep the transfers that have begun there; new ones are not sent there any more. */
async function changeListen(further: readonly number[]): Promise<void> {
  const ports = [mainPort, ...further];
  for (const port of good.ports.filter((port) => !ports.includes(port))) {
    closing = port;
    while ((beginning.get(port) ?? 0) > 0) await sleep(5);
    counts.carried += underWay.get(port) ?? 0;
  }
  good = { ...good, ports, state: step };
  saveConfig(good);
  closing = undefined;
}

/** Each kind of save that makes a new generation. */
function change(number: number): void {
  switch (random.int(0, 4)) {
    case 0:
      return folder.save(folder.plugin, pluginText(number), style());
    case 1:
      return folder.save(folder.watched, `${number}\n`, style());
    case 2: {
      // Another file is imported from now on, and watched; the one before is not.
      folder.save(`${folder.dir}/extra-${number}.ts`, `export const extra = ${number};\n`);
      good = { ...good, state: number, head: `import './extra-${number}.ts';` };
      return saveConfig(good);
    }
    case 3:
      good = { ...good, state: number, keys: `\n  limits: { retries: ${12 + (number % 3)} },` };
      return saveConfig(good);
    default:
      good = { ...good, state: number };
      return saveConfig(good);
  }
}

/** Returns what mends it. */
function breakIt(kind: number): () => void {
  const config = (broken: Partial<ConfigValues>): (() => void) => {
    saveConfig({ ...good, state: step, ...broken });
    return () => {
      good = { ...good, state: step };
      saveConfig(good);
    };
  };
  switch (kind % 5) {
    case 0:
      return config({ head: 'const = ;' });
    case 1:
      return config({ keys: "\n  rootDir: 7, singlePort: 'no', nonsense: true," });
    case 2:
      return config({ fail: true });
    case 3:
      return config({ ports: [...good.ports, occupant.port] });
    default:
      folder.save(folder.plugin, `${pluginText(step)}}`, style());
      return () => folder.save(folder.plugin, pluginText(step), style());
  }
}

function saveConfig(config: ConfigValues): void {
  folder.save(folder.config, configText(config), style());
}

function style(): SaveStyle {
  return random.pick(['in place', 'rename']);
}

async function takesEffect(number: number): Promise<void> {
  if (!(await outcome('reload done'))) return void wrong.push(`reload ${number} was not told as done`);
  const state = await stateInForce(mainPort).catch((error: Error) => error.message);
  if (state === number) inForce = number;
  else wrong.push(`after reload ${number}: ${state}`);
}

async function isRefused(number: number): Promise<void> {
  counts.broken++;
  if (!(await outcome('reload failed'))) return void wrong.push(`broken reload ${number} was not told as failed`);
  const state = await stateInForce(mainPort).catch((error: Error) => error.message);
  if (state !== inForce) wrong.push(`after broken reload ${number}: ${state}, not ${inForce}`);
}

/** Waits until the log tells that a reload went so. */
async function outcome(wanted: 'reload done' | 'reload failed'): Promise<boolean> {
  const isOutcome = ({ msg }: LogLine) => msg === 'reload done' || msg.startsWith('reload failed');
  for (;;) {
    const line = await server.logged((line) => isOutcome(line) && !seen.has(line), 8000).catch(() => undefined);
    if (!line) return false;
    seen.add(line);
    if (line.msg.startsWith(wanted)) return true;
    if (line.msg === 'reload done') wrong.push(`generation ${line.generation} came unasked`);
    else counts.half++;
  }
}

/** By turns: replaced and rewritten, of those that are being read and of those that are not. */
async function runChanges(): Promise<void> {
  const idle = [...quiet];
  const read = [...busy];
  const total = 2 * CHANGED;
  const fetches: Promise<void>[] = [];
  for (let number = 0; number < total; number++) {
    await until(RUN_MS * (0.05 + (0.75 * number) / total));
    const replace = number % 2 === 0;
    const from = number % 4 < 2 ? read : idle;
    const file = takeFrom(from);
    const size = from === read ? transferSize() : quietSize();
    if (replace) {
      if (file.inFlight > 0) counts.busyReplaced++;
      file.replace(size);
    } else {
      if (file.inFlight > 0) counts.busyRewritten++;
      // The same size is the harder case: nothing but the times tells.
      file.rewrite(random.chance(0.5) ? file.sizes.at(-1)! : size, random.chance(0.3));
    }
    counts.changes++;
    if (from === idle) fetches.push(fetchFresh(file));
  }
  await Promise.all(fetches);
}

/** One that is being read, if there is one. */
function takeFrom(files: VersionedFile[]): VersionedFile {
  const inFlight = files.filter((file) => file.inFlight > 0);
  const file = random.pick(inFlight.length > 0 ? inFlight : files);
  files.splice(files.indexOf(file), 1);
  return file;
}

/** A request after the change gets what is there now. */
async function fetchFresh(file: VersionedFile): Promise<void> {
  const ended = await pacedFile(file, { port: mainPort, windowSize: 16, blockSize: 16384, durationMs: 0 });
  if (ended.kind === 'completed') counts.fresh++;
  else wrong.push(`${file.name} after its change: ${ended.kind === 'failed' ? ended.reason : ended.kind}`);
}

/** Waits until the server holds no more than at the start and has told of every generation, but not for ever. */
async function settled(): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  const ready = () =>
    censusChange(before, census(server.pid)) === undefined && generationsOf('generation drained').length >= counted() - 1;
  while (!ready() && performance.now() < deadline) await sleep(50);
  function counted(): number {
    return 1 + generationsOf('reload done').length;
  }
}

function generationsOf(msg: string): number[] {
  return server.log.filter((line) => line.msg === msg).map(({ generation }) => Number(generation));
}

function verdict(): void {
  const kinds = (kind: Ended['kind']) => outcomes.filter((ended) => ended.kind === kind);
  const failed = outcomes.flatMap((ended) => (ended.kind === 'failed' ? [ended.reason] : []));
  const completed = outcomes.flatMap((ended) => (ended.kind === 'completed' ? [ended] : []));
  const [done, drained] = [generationsOf('reload done'), generationsOf('generation drained')];
  const failures = server.log.filter(({ msg }) => msg.startsWith('reload failed')).length;
  const expected = [1, ...done.slice(0, -1)];
  const crashes = server.log.filter(({ level, msg }) => level >= 50 && !msg.startsWith('reload failed')).map(({ msg }) => msg);
  const stopping = server.log.find(({ msg }) => msg === 'stopping');
  const bytes = completed.reduce((sum, ended) => sum + ended.bytes, 0);
  report.table([
    [
      'transfers',
      TRANSFERS,
      `${kinds('completed').length} completed, ${kinds('changed').length} "file changed", ${failed.length} failed`,
    ],
    [
      '',
      '',
      `${(bytes / MIB).toFixed(0)} MiB in ${(busyMs / 1000).toFixed(1)} s, ${completed.filter(({ version }) => version > 0).length} of a later version`,
    ],
    [
      'reloads',
      counts.reloads,
      `${done.length} done, ${counts.broken} failed as they should, ${counts.half} more seen half saved; ${LISTEN.size} changed listen`,
    ],
    ['', '', `${counts.carried} transfers went on when their port was closed`],
    ['replaced by rename', CHANGED, `${counts.busyReplaced} while being read`],
    ['rewritten in place', CHANGED, `${counts.busyRewritten} while being read`],
    [
      'server',
      '',
      Object.entries(before)
        .map(([kind, count]) => `${kind} ${count}`)
        .join(', '),
    ],
  ]);
  report.check(
    failed.length === 0 && outcomes.length === TRANSFERS,
    'no transfer fails but by ERROR 0 "file changed during transfer"',
    failed.slice(0, 5).join('; '),
  );
  report.check(
    kinds('completed').length >= TRANSFERS / 4,
    'completed files are byte-equal to exactly one version',
    `${kinds('completed').length}`,
  );
  report.check(
    wrong.length === 0,
    'every good save takes effect, no broken one does, changed files are served anew',
    wrong.slice(0, 5).join('; '),
  );
  report.check(
    done.length === RELOADS - BROKEN &&
      counts.broken === BROKEN &&
      failures === BROKEN + counts.half &&
      counts.half <= HALF_SAVES,
    `${RELOADS} reloads, ${BROKEN} of them broken`,
    `${done.length} done, ${failures} failed`,
  );
  report.check(
    counts.busyReplaced >= CHANGED / 4 && counts.busyRewritten >= CHANGED / 4 && counts.carried > 0,
    'files and ports changed under transfers',
    '',
  );
  report.check(
    sameNumbers(expected, drained),
    'every generation but the last drained exactly once',
    `${drained.length} of ${expected.length}`,
  );
  report.check(after === undefined, 'watchers, open files and sockets are back to the start', after);
  report.check(stopping?.transfers === 0 && code === 0, 'no transfer is left, and the server stops', `exit ${code}`);
  report.check(
    crashes.length === 0 && server.noise.length === 0,
    'the log tells of no other fault',
    [...crashes, ...server.noise].slice(0, 3).join('; '),
  );
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.toSorted((x, y) => x - y).join() === b.toSorted((x, y) => x - y).join();
}

function progressText(): string {
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const live = [...underWay.values()].reduce((sum, count) => sum + count, 0);
  return `${seconds} s  ${live} under way  ${outcomes.length} ended  ${counts.reloads} reloads  ${counts.changes} changes`;
}

/** 1–20 MiB, most of them small: 5 MiB on average. */
function transferSize(): number {
  return Math.floor(MIB * (1 + 19 * random() ** 4));
}

function quietSize(): number {
  return random.int(MIB / 8, MIB);
}

function add(counts: Map<number, number>, port: number, count: number): void {
  counts.set(port, (counts.get(port) ?? 0) + count);
}

function until(ms: number): Promise<void> {
  return sleep(Math.max(0, began + ms - performance.now()));
}
