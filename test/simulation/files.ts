/**
 * A file system in memory with what matters of a real one: inodes, names that move from one inode to another, links, time stamps
 * in coarse ticks, reads that take time and are torn by a write in between. The server sees it as a `FileSystem`, whose calls take
 * virtual time; others change it at once, as another process does.
 */
import { basename, dirname } from 'node:path';
import type { FileStat, FileSystem, NewFile, OpenFile } from '../../src/content/filesystem.ts';
import type { Random } from '../kit/random.ts';
import type { Label } from './versions.ts';
import type { World } from './world.ts';

/** Linux stamps files with the time of its last timer interrupt. */
const TICK_MS = 4;

interface Node {
  readonly inode: bigint;
  readonly kind: 'file' | 'directory' | 'link';
  bytes: Uint8Array;
  readonly entries: Map<string, Entry>;
  readonly target: string;
  mtime: bigint;
  ctime: bigint;
  links: number;
  /** What a file held from when on; no label while it is being written. */
  readonly labels: { readonly at: number; readonly label: Label | undefined }[];
  /** When it was written to, or touched, where it stands. */
  readonly disturbances: number[];
}

/** A name in a directory. Goes on knowing where it was when it has been removed, as the kernel's does. */
interface Entry {
  name: string;
  parent: Entry | undefined;
  readonly node: Node;
}

/** Which inode a name led to from when on. */
type Sighting = { readonly at: number; readonly node: Node | undefined };

export type Trouble = 'EIO' | 'ENOSPC' | 'EMFILE';

export class SimulatedFiles implements FileSystem {
  /** Descriptors that are open now. */
  opened = 0;
  /** How slow the disk is. */
  delayMs = 1;
  /** Probability that a call fails. */
  troubled = 0;
  readonly #world: World;
  readonly #random: Random;
  readonly #root: Entry;
  readonly #watched = new Map<string, Sighting[]>();
  #lastInode = 100n;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.random('files');
    this.#root = { name: '', parent: undefined, node: this.#node('directory') };
  }

  // What another process does.

  makeFolder(path: string): void {
    this.#add(path, this.#node('directory'));
  }

  symlink(path: string, target: string): void {
    this.#add(path, this.#node('link', target), true);
  }

  /** Makes or replaces a file under its name, whole, as `rename` over it does. */
  put(path: string, bytes: Uint8Array, label: Label): void {
    const node = this.#node('file');
    node.bytes = bytes;
    node.labels.push({ at: this.#world.now, label });
    this.#add(path, node, true);
  }

  /** Writes into a file where it stands. With no label it is half-written. */
  write(path: string, position: number, bytes: Uint8Array, label?: Label): void {
    const { node } = this.#resolve(path);
    const longer = new Uint8Array(Math.max(node.bytes.length, position + bytes.length));
    longer.set(node.bytes);
    longer.set(bytes, position);
    node.bytes = longer;
    this.#stamp(node, 'written');
    node.labels.push({ at: this.#world.now, label });
    node.disturbances.push(this.#world.now);
  }

  truncate(path: string, size: number, label?: Label): void {
    const { node } = this.#resolve(path);
    node.bytes = node.bytes.slice(0, size);
    this.#stamp(node, 'written');
    node.labels.push({ at: this.#world.now, label });
    node.disturbances.push(this.#world.now);
  }

  /** Sets mtime back to what it was before, as `rsync --inplace` and `cp -p` do. */
  setBack(path: string, mtime: bigint): void {
    const { node } = this.#resolve(path);
    node.mtime = mtime;
    this.#stamp(node, 'touched');
    node.disturbances.push(this.#world.now);
  }

  mtime(path: string): bigint {
    return this.#resolve(path).node.mtime;
  }

  /** `chmod`: nothing but ctime changes. */
  touch(path: string): void {
    const { node } = this.#resolve(path);
    this.#stamp(node, 'touched');
    node.disturbances.push(this.#world.now);
  }

  move(from: string, to: string): void {
    const entry = this.#resolve(from, false);
    this.#resolve(dirname(from)).node.entries.delete(basename(from));
    this.#stamp(entry.node, 'touched');
    this.#add(to, entry.node, true, entry);
  }

  delete(path: string): void {
    this.#drop(this.#resolve(path, false));
    this.#see();
  }

  has(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  /** What a file holds. */
  content(path: string): Uint8Array | undefined {
    return this.#find(path)?.node.bytes;
  }

  names(path: string): string[] {
    return [...(this.#find(path)?.node.entries.keys() ?? [])];
  }

  /** The label of what a file holds now; `undefined` if it has none. */
  label(path: string): Label | undefined {
    return this.#find(path)?.node.labels.at(-1)?.label;
  }

  /** From now on it is known what this name has led to. */
  watch(path: string): void {
    this.#watched.set(path, [{ at: this.#world.now, node: this.#find(path)?.node }]);
  }

  /** Everything that a request for this name may rightly have found between two moments; `undefined`: that there is no such file. */
  possible(path: string, from: number, to: number): (Label | undefined)[] {
    return within(this.#watched.get(path) ?? [], from, to).flatMap(({ node }) =>
      node ? within(node.labels, from, to).map(({ label }) => label) : [undefined],
    );
  }

  /** Whether the file of that name was written to, or touched, where it stood. */
  disturbed(path: string, from: number, to: number): boolean {
    const nodes = within(this.#watched.get(path) ?? [], from, to);
    return nodes.some(({ node }) => node?.disturbances.some((at) => at >= from && at <= to));
  }

  // What the server sees.

  async open(path: string): Promise<OpenFile> {
    await this.#io(path.startsWith('/srv/') ? 'EMFILE' : undefined);
    const entry = this.#resolve(path);
    this.opened++;
    return this.#openFile(entry);
  }

  async stat(path: string): Promise<FileStat> {
    await this.#io();
    return statOf(this.#resolve(path).node);
  }

  async realPath(path: string): Promise<string> {
    await this.#io();
    return pathOf(this.#resolve(path));
  }

  async list(path: string): Promise<readonly string[]> {
    await this.#io();
    const { node } = this.#resolve(path);
    if (node.kind !== 'directory') throw fault('ENOTDIR');
    return [...node.entries.keys()];
  }

  async create(path: string): Promise<NewFile> {
    await this.#io('EMFILE');
    const node = this.#node('file');
    this.#add(path, node);
    this.opened++;
    return this.#newFile(node);
  }

  async makeDirectory(path: string): Promise<void> {
    await this.#io();
    this.#add(path, this.#node('directory'));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#io();
    this.move(from, to);
  }

  async link(from: string, to: string): Promise<void> {
    await this.#io();
    const { node } = this.#resolve(from);
    this.#add(to, node);
  }

  async remove(path: string): Promise<void> {
    await this.#io();
    this.#drop(this.#resolve(path, false));
    this.#see();
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#io();
    this.#resolve(path);
  }

  async space(): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    await this.#io();
    return { freeBytes: 2 ** 40, totalBytes: 2 ** 41 };
  }

  #openFile(entry: Entry): OpenFile {
    const { node } = entry;
    let open = true;
    const use = async (trouble?: Trouble) => {
      if (!open) this.#world.violated('a descriptor was used after it was closed');
      await this.#io(trouble);
      if (!open) this.#world.violated('a descriptor was closed while it was used');
    };
    return {
      fd: undefined,
      stat: async () => {
        await use();
        return statOf(node);
      },
      read: async (into, position) => {
        await use('EIO');
        const torn = this.#random.chance(0.3) ? this.#random.int(0, into.length) : into.length;
        let count = copy(node.bytes, position, into.subarray(0, torn));
        if (count < torn || torn === into.length) return count;
        await use('EIO');
        count += copy(node.bytes, position + torn, into.subarray(torn));
        return count;
      },
      realPath: async () => {
        await use();
        return pathOf(entry);
      },
      close: async () => {
        if (!open) return this.#world.violated('a descriptor was closed twice');
        open = false;
        await this.#world.work(this.#random() * 0.1);
        this.opened--;
      },
    };
  }

  #newFile(node: Node): NewFile {
    let open = true;
    const close = async () => {
      await this.#world.work(this.#random() * 0.1);
      if (open) this.opened--;
      open = false;
    };
    return {
      write: async (bytes) => {
        await this.#io('ENOSPC');
        if (!open) return this.#world.violated('an upload was written to after it was closed');
        node.bytes = Buffer.concat([node.bytes, bytes]);
        this.#stamp(node, 'written');
      },
      finish: async () => {
        await this.#io('ENOSPC');
        await close();
      },
      close,
    };
  }

  /** A call takes time; now and then the disk has to seek, or fails. */
  async #io(trouble?: Trouble): Promise<void> {
    const random = this.#random;
    const slow = random.chance(0.03) ? 30 : random.chance(0.2) ? 4 : 1;
    await this.#world.work(random() * this.delayMs * slow);
    if (trouble === undefined || !random.chance(this.troubled)) return;
    this.#world.count(`disk: ${trouble}`);
    throw fault(trouble);
  }

  #node(kind: Node['kind'], target = ''): Node {
    const node: Node = {
      inode: ++this.#lastInode,
      kind,
      bytes: new Uint8Array(0),
      entries: new Map(),
      target,
      mtime: 0n,
      ctime: 0n,
      links: 0,
      labels: [],
      disturbances: [],
    };
    this.#stamp(node, 'written');
    return node;
  }

  #stamp(node: Node, how: 'written' | 'touched'): void {
    const { wallTime, jumps } = this.#world;
    // Ticks lie elsewhere after each leap of the wall clock.
    node.ctime = BigInt(Math.floor(wallTime / TICK_MS) * TICK_MS) * 1_000_000n + BigInt(jumps);
    if (how === 'written') node.mtime = node.ctime;
  }

  #add(path: string, node: Node, replace = false, entry: Entry = { name: '', parent: undefined, node }): void {
    const parent = this.#resolve(dirname(path));
    const name = basename(path);
    const standing = parent.node.entries.get(name);
    if (standing && !replace) throw fault('EEXIST');
    if (standing) this.#drop(standing);
    entry.name = name;
    entry.parent = parent;
    if (!isHeld(node, entry)) node.links++;
    held.add(entry);
    parent.node.entries.set(name, entry);
    if (node.kind === 'file') this.#stamp(node, 'touched');
    this.#see();
  }

  #drop(entry: Entry): void {
    if (entry.node.kind === 'directory' && entry.node.entries.size > 0) throw fault('ENOTEMPTY');
    entry.parent?.node.entries.delete(entry.name);
    held.delete(entry);
    entry.node.links--;
    this.#stamp(entry.node, 'touched');
  }

  #find(path: string): Entry | undefined {
    try {
      return this.#resolve(path);
    } catch {
      return undefined;
    }
  }

  /** @param last whether a link at the end is followed, too */
  #resolve(path: string, last = true, depth = 0): Entry {
    if (depth > 8) throw fault('ELOOP');
    const names = path.split('/').filter((name) => name !== '');
    let entry = this.#root;
    for (const [i, name] of names.entries()) {
      if (entry.node.kind !== 'directory') throw fault('ENOTDIR');
      const next = entry.node.entries.get(name);
      if (!next) throw fault('ENOENT');
      const rest = names.slice(i + 1).join('/');
      if (next.node.kind === 'link' && (rest !== '' || last))
        return this.#resolve(`${next.node.target}/${rest}`, last, depth + 1);
      entry = next;
    }
    return entry;
  }

  #see(): void {
    for (const [path, sightings] of this.#watched) {
      const node = this.#find(path)?.node;
      if (node !== sightings.at(-1)?.node) sightings.push({ at: this.#world.now, node });
    }
  }
}

/** Entries that stand in a directory. */
const held = new WeakSet<Entry>();

/** A name that is only moved is not one more. */
function isHeld(node: Node, entry: Entry): boolean {
  return entry.node === node && held.has(entry);
}

/** Those that were valid at some time from one moment to the other. */
function within<T extends { readonly at: number }>(states: readonly T[], from: number, to: number): T[] {
  return states.filter(({ at }, i) => at <= to && (states[i + 1]?.at ?? Number.POSITIVE_INFINITY) >= from);
}

function copy(bytes: Uint8Array, position: number, into: Uint8Array): number {
  const part = bytes.subarray(position, position + into.length);
  into.set(part);
  return part.length;
}

function pathOf(entry: Entry): string {
  return entry.parent ? `${entry.parent.parent ? pathOf(entry.parent) : ''}/${entry.name}` : '/';
}

function statOf({ kind, inode, bytes, mtime, ctime, links }: Node): FileStat {
  return {
    kind: kind === 'link' ? 'other' : kind,
    device: 1n,
    inode,
    size: bytes.length,
    mtime,
    ctime,
    links,
  };
}

function fault(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
