/**
 * Live reload under load: the real server in a process of its own, 200 transfers, and everything changes meanwhile.
 *
 * Every byte that arrives says which version it is of (`kit/versioned.ts`), so bytes of two versions cannot pass for one file.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigFolder, configText, stateInForce } from '../kit/config-folder.ts';
import type { Ended } from '../kit/paced.ts';
import { type Census, census, censusChange } from '../kit/process.ts';
import { seeded } from '../kit/random.ts';
import { freePort, type LogLine, type Served, serve } from '../kit/serve.ts';
import { Peer } from '../kit/tftp.ts';
import { FileChanges } from './file-changes.ts';
import { Ports } from './ports.ts';
import { Saves } from './saves.ts';
import { Timeline } from './timeline.ts';
import { Transfers } from './transfers.ts';

/** The whole run, start and stop included. */
export const LIMIT_MS = 60_000;
const DRAIN_MS = 10_000;

/** What the run came to. */
export interface StressResult {
  readonly durationMs: number;
  readonly outcomes: readonly Ended[];
  /** Saves that did not do what they should, and changed files that were not served anew. */
  readonly wrong: readonly string[];
  readonly saves: Saves['counts'];
  readonly changes: FileChanges['counts'];
  /** The server's open descriptors and watches before the first transfer. */
  readonly before: Census;
  /** What differs after the last one, as text. */
  readonly leak: string | undefined;
  readonly log: readonly LogLine[];
  readonly noise: readonly string[];
  readonly exitCode: number | null;
}

/** Throws after {@link LIMIT_MS}. The seed repeats the choices of a run, not its timing. */
export async function stress(seed: number): Promise<StressResult> {
  const random = seeded(seed);
  using folder = new ConfigFolder();
  const mainPort = await freePort();
  const extraPorts = [await freePort(), await freePort()];
  await using occupant = await Peer.open();
  folder.save(folder.config, configText({ ports: [mainPort], state: 0 }));
  const changes = new FileChanges({ random, root: folder.root, port: mainPort });
  await using server = await serve({ flags: ['--config', folder.config] });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(() => {
    process.kill(server.pid, 'SIGKILL');
    reject(new Error(`not over within ${LIMIT_MS / 1000} s`));
  }, LIMIT_MS);
  try {
    return await Promise.race([run(), late]);
  } finally {
    clearTimeout(limit);
  }

  async function run(): Promise<StressResult> {
    await server.logged(({ msg }) => msg === 'ready');
    await stateInForce(mainPort);
    const before = census(server.pid);
    const timeline = new Timeline();
    const ports = new Ports([mainPort]);
    const saves = new Saves({ random, folder, server, ports, mainPort, extraPorts, takenPort: occupant.port });
    const transfers = new Transfers({ random, ports, saves, files: changes.busy });
    await Promise.all([transfers.run(timeline), saves.run(timeline), changes.run(timeline)]);
    const durationMs = timeline.elapsedMs;
    await drained(server, before);
    const leak = censusChange(before, census(server.pid));
    const { code: exitCode } = await server.stop();
    return {
      durationMs,
      outcomes: transfers.outcomes,
      wrong: [...saves.wrong, ...changes.wrong],
      saves: saves.counts,
      changes: changes.counts,
      before,
      leak,
      log: server.log,
      noise: server.noise,
      exitCode,
    };
  }
}

/** The generations that lines of the log with this message name. */
export function generationsOf(log: readonly LogLine[], msg: string): number[] {
  return log.filter((line) => line.msg === msg).map(({ generation }) => Number(generation));
}

/** Waits, for at most {@link DRAIN_MS}, until every generation but the last has drained and no more is open than at the start. */
async function drained({ pid, log }: Served, before: Census): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  const isDrained = () =>
    censusChange(before, census(pid)) === undefined &&
    generationsOf(log, 'generation drained').length >= generationsOf(log, 'reload done').length;
  while (!isDrained() && performance.now() < deadline) await sleep(50);
}
