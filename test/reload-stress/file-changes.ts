/** The 200 changes of files during the run: replaced by rename and rewritten in place, read or not read meanwhile. */
import { pacedFile, VersionedFile } from '../kit/paced.ts';
import type { Random } from '../kit/random.ts';
import { RUN_MS, type Timeline } from './timeline.ts';
import { transferSize } from './transfers.ts';

/** Files replaced by rename, and as many rewritten in place; half of each while a transfer reads them. */
export const CHANGED = 100;
const MIB = 1024 ** 2;

export interface FileChangesOptions {
  readonly random: Random;
  readonly root: string;
  readonly port: number;
}

export class FileChanges {
  /** The files that the 200 transfers read. */
  readonly busy: readonly VersionedFile[];
  readonly counts = { changes: 0, busyReplaced: 0, busyRewritten: 0 };
  readonly wrong: string[] = [];
  readonly #options: FileChangesOptions;
  /** The files that are not read until they have changed. */
  readonly #quiet: readonly VersionedFile[];

  constructor(options: FileChangesOptions) {
    const { root, random } = options;
    this.#options = options;
    this.busy = Array.from({ length: CHANGED }, (_, id) => new VersionedFile(root, id, transferSize(random)));
    this.#quiet = Array.from({ length: CHANGED }, (_, id) => new VersionedFile(root, CHANGED + id, quietSize(random)));
  }

  /** Replaces and rewrites in turn, a file that is being read and one that is not. */
  async run(timeline: Timeline): Promise<void> {
    const { random } = this.#options;
    const idle = [...this.#quiet];
    const read = [...this.busy];
    const total = 2 * CHANGED;
    const fetches: Promise<void>[] = [];
    for (let number = 0; number < total; number++) {
      await timeline.until(RUN_MS * (0.05 + (0.75 * number) / total));
      const from = number % 4 < 2 ? read : idle;
      const file = this.#takeFrom(from);
      const size = from === read ? transferSize(random) : quietSize(random);
      if (number % 2 === 0) {
        if (file.inFlight > 0) this.counts.busyReplaced++;
        file.replace(size);
      } else {
        if (file.inFlight > 0) this.counts.busyRewritten++;
        // The same size is the harder case: only the times tell the versions apart.
        file.rewrite(random.chance(0.5) ? file.sizes.at(-1)! : size, random.chance(0.3));
      }
      this.counts.changes++;
      if (from === idle) fetches.push(this.#fetchFresh(file));
    }
    await Promise.all(fetches);
  }

  /** One that is being read, if there is one. */
  #takeFrom(files: VersionedFile[]): VersionedFile {
    const inFlight = files.filter((file) => file.inFlight > 0);
    const file = this.#options.random.pick(inFlight.length > 0 ? inFlight : files);
    files.splice(files.indexOf(file), 1);
    return file;
  }

  /** A request after the change gets the new version. */
  async #fetchFresh(file: VersionedFile): Promise<void> {
    const { port } = this.#options;
    const ended = await pacedFile(file, { port, windowSize: 16, blockSize: 16384, durationMs: 0 });
    if (ended.kind === 'completed') return;
    this.wrong.push(`${file.name} after its change: ${ended.kind === 'failed' ? ended.reason : ended.kind}`);
  }
}

function quietSize(random: Random): number {
  return random.int(MIB / 8, MIB);
}
