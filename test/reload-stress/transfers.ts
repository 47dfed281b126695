/** The 200 transfers of the run: most of them early, each as slow as it must be to see several reloads. */

import { type Ended, type Plan, paced, pacedFile, type VersionedFile } from '../kit/paced.ts';
import type { Random } from '../kit/random.ts';
import type { Ports } from './ports.ts';
import type { Saves } from './saves.ts';
import { RUN_MS, type Timeline } from './timeline.ts';

export const TRANSFERS = 200;
/** How many of them read content that the plugin makes. */
const GENERATED = 40;
/** How many are under way from the beginning; the others begin later. */
const EARLY = 120;
/** What a socket buffers where the limit has not been raised: this run is not about loss. */
const WINDOW_BYTES = 65536;
const ROUND_TRIPS = 2500;
const MIB = 1024 ** 2;

export interface TransfersOptions {
  readonly random: Random;
  readonly ports: Ports;
  readonly saves: Saves;
  readonly files: readonly VersionedFile[];
}

export class Transfers {
  readonly outcomes: Ended[] = [];
  readonly #options: TransfersOptions;
  #nextFile = 0;

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  async run(timeline: Timeline): Promise<void> {
    const { random } = this.#options;
    const starts = Array.from({ length: TRANSFERS }, (_, index) =>
      index < EARLY ? random() * 1500 : (0.1 + 0.5 * random()) * RUN_MS,
    );
    await Promise.all(
      starts.map(async (at, index) => {
        await timeline.until(at);
        this.outcomes.push(await this.#transfer(index, at));
      }),
    );
  }

  async #transfer(index: number, at: number): Promise<Ended> {
    const { random, ports, files } = this.#options;
    const use = ports.use(random);
    const file = index % (TRANSFERS / GENERATED) === 0 ? undefined : files[this.#nextFile++ % files.length]!;
    const size = file?.sizes.at(-1) ?? Math.floor(transferSize(random) / 16) * 16;
    const windowSize = random.int(1, 16);
    const how = {
      port: use.port,
      windowSize,
      blockSize: blockSizeFor(size, windowSize, random),
      durationMs: (RUN_MS - at) * (0.5 + 0.4 * random()),
    };
    const ended = await (file
      ? pacedFile(file, how, use.begun)
      : this.#generated({ ...how, name: `generated/${index}-${size}`, id: index, size }, use.begun));
    use.ended();
    return ended;
  }

  /** The plugin's content must come, to its last byte, from the generation in force when it was requested. */
  async #generated(plan: Plan, begun: () => void): Promise<Ended> {
    const { name, size } = plan;
    const { saves } = this.#options;
    const earliest = saves.inForce;
    let latest = 0;
    const ended = await paced(plan, () => {
      // The reload that is under way may have taken effect already.
      latest = saves.step;
      begun();
    });
    if (ended.kind === 'changed') return { kind: 'failed', reason: `${name}: reported as a file that changed` };
    if (ended.kind === 'failed') return ended;
    if (ended.bytes !== size) return { kind: 'failed', reason: `${name}: ${ended.bytes} bytes` };
    if (ended.version >= earliest && ended.version <= latest) return ended;
    return { kind: 'failed', reason: `${name}: of state ${ended.version}, not one of ${earliest}–${latest}` };
  }
}

/** 1–20 MiB, most of them small: 5 MiB on average. */
export function transferSize(random: Random): number {
  return Math.floor(MIB * (1 + 19 * random() ** 4));
}

/** Any that keeps within the bounds of a window and of round trips, which are slow on a busy machine. */
function blockSizeFor(size: number, windowSize: number, random: Random): number {
  const fitting = [16384, 8192, 4096, 1428].filter((bytes) => windowSize * bytes <= WINDOW_BYTES);
  const quick = fitting.filter((bytes) => size / (windowSize * bytes) <= ROUND_TRIPS);
  return quick.length > 0 ? random.pick(quick) : fitting[0]!;
}
