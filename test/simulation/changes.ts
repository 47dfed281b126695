/** What people do to the files under a root while they are served. Every version has bytes of its own. */
import type { Random } from '../kit/random.ts';
import { FILE_NAMES } from './judge.ts';
import { ROOTS } from './plan.ts';
import { keyOf, type Label } from './versions.ts';
import type { World } from './world.ts';

export const CHANGES = [
  'replaced by rename',
  'rewritten in place',
  'rewritten in place, same size',
  'rewritten, mtime set back',
  'truncated and written',
  'deleted and made again',
  'touched',
  'moved aside',
  'directory swapped',
  'root switched',
] as const;

/** Releases that `/srv/current` is a link to, in turn. */
const RELEASES = ['/srv/r1', '/srv/r2'] as const;
const KIB = 1024;
/** A writer's pause between two pieces is shorter than any `stableMs`: a file that rests so long is taken for complete. */
const MAX_GAP_MS = 30;

export class Changes {
  readonly #world: World;
  readonly #random: Random;
  readonly #versions = new Map<number, number>();
  /** Files with a writer at work. */
  readonly #busy = new Set<string>();
  /** Files whose mtime was set back: nothing else happens to them, as no program can tell then (`content/file.ts`). */
  readonly #done = new Set<string>();
  #release = 0;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random('changes');
    world.files.makeFolder('/etc');
    world.files.makeFolder('/srv');
    world.files.put('/etc/hosts', new Uint8Array(20), { source: 999, version: 1 });
    for (const folder of [...RELEASES, ROOTS[1]]) this.#fill(folder);
    world.files.symlink(ROOTS[0], RELEASES[0]);
    for (const root of ROOTS) for (const name of FILE_NAMES) world.files.watch(`${root}/${name}`);
  }

  /** A writer is at work: the wall clock must not leap, or a half-written file would look old. */
  get busy(): boolean {
    return this.#busy.size > 0;
  }

  /** Makes one change; a little later if somebody is at work on that file. */
  make(kind: (typeof CHANGES)[number], name: (typeof FILE_NAMES)[number]): void {
    const random = this.#random;
    const { files } = this.#world;
    const folders = [RELEASES[this.#release]!, RELEASES[this.#release]!, RELEASES[this.#release]!, ROOTS[1]];
    const first = random.int(0, 3);
    const folder = [...folders.slice(first), ...folders].find((one) => this.#isFree(`${one}/${name}`));
    if (folder === undefined) return this.#later(50, () => this.make(kind, name));
    const path = `${folder}/${name}`;
    this.#world.note(`change ${kind} ${path}`);
    const source = FILE_NAMES.indexOf(name);
    const size = files.content(path)?.length ?? 0;
    if (kind === 'directory swapped' && [...this.#busy].some((busy) => busy.startsWith(`${folder}/boot`)))
      return this.#later(50, () => this.make(kind, name));
    this.#world.count(`change: ${kind}`);
    switch (kind) {
      case 'replaced by rename':
        return this.#put(path, source, random.chance(0.5) ? size : this.#anySize());
      case 'rewritten in place':
        return this.#write(path, source, this.#anySize());
      case 'rewritten in place, same size':
        return this.#write(path, source, size);
      case 'rewritten, mtime set back': {
        const mtime = files.mtime(path);
        this.#done.add(path);
        return this.#write(path, source, size, () => files.setBack(path, mtime));
      }
      case 'truncated and written':
        files.truncate(path, random.chance(0.5) ? 0 : Math.floor(size / 2));
        return this.#write(path, source, this.#anySize());
      case 'deleted and made again':
        files.delete(path);
        this.#busy.add(path);
        return this.#later(random.int(1, 300), () => {
          this.#busy.delete(path);
          if (!files.has(path)) this.#put(path, source, this.#anySize());
        });
      case 'touched':
        return files.touch(path);
      case 'moved aside':
        files.move(path, `${path}.old`);
        return this.#put(path, source, this.#anySize());
      case 'directory swapped': {
        const next = `${folder}/boot.${random.int(0, 1e9)}`;
        files.makeFolder(next);
        for (const file of ['d', 'e'])
          this.#put(`${next}/${file}`, FILE_NAMES.indexOf(`boot/${file}` as 'boot/d'), this.#anySize());
        files.move(`${folder}/boot`, `${next}.old`);
        return files.move(next, `${folder}/boot`);
      }
      case 'root switched':
        this.#release = 1 - this.#release;
        return files.symlink(ROOTS[0], RELEASES[this.#release]!);
    }
  }

  #isFree(path: string): boolean {
    return !this.#busy.has(path) && !this.#done.has(path) && this.#world.files.has(path);
  }

  #fill(folder: string): void {
    const { files } = this.#world;
    files.makeFolder(folder);
    files.makeFolder(`${folder}/boot`);
    for (const [source, name] of FILE_NAMES.entries()) this.#put(`${folder}/${name}`, source, this.#anySize());
  }

  #put(path: string, source: number, size: number): void {
    const label = this.#next(source);
    this.#world.files.put(path, this.#world.versions.bytes(label, size), label);
  }

  /** Piece by piece, from the start or in any order, as editors and `dd` do. */
  #write(path: string, source: number, size: number, after = () => {}): void {
    const { files, versions } = this.#world;
    const label = this.#next(source);
    const bytes = versions.bytes(label, size);
    const pieces = this.#random.int(1, 14);
    const length = Math.ceil(size / pieces / 16) * 16;
    const starts = Array.from({ length: pieces }, (_, i) => i * length).filter((start) => start < size || start === 0);
    if (this.#random.chance(0.5)) starts.reverse();
    this.#busy.add(path);
    const step = (): void => {
      const start = starts.shift();
      if (!files.has(path)) return void this.#busy.delete(path);
      if (start === undefined) {
        this.#busy.delete(path);
        files.truncate(path, size, label);
        return after();
      }
      files.write(path, start, bytes.subarray(start, start + length));
      this.#later(this.#random() * MAX_GAP_MS, step);
    };
    step();
  }

  #next(source: number): Label {
    const version = (this.#versions.get(source) ?? 0) + 1;
    this.#versions.set(source, version);
    this.#world.note(`version ${keyOf({ source, version })}`);
    return { source, version };
  }

  #anySize(): number {
    const random = this.#random;
    return random.pick([
      0,
      16,
      500,
      4096,
      random.int(20, 60) * KIB,
      64 * KIB,
      random.int(66, 200) * KIB,
      random.int(66, 200) * KIB + 7,
      128 * KIB,
    ]);
  }

  #later(ms: number, run: () => void): void {
    this.#world.network.after(ms, run);
  }
}
