/**
 * A file system whose calls pass the gates of one disk. Synchronous calls on the calling thread bypass them, because they cannot
 * be in flight.
 */
import type { DiskGate } from './disk-gate.ts';
import type { FileStat, FileSystem, NewFile, OpenFile, SyncFileSystem } from './filesystem.ts';

export interface GuardOptions {
  /** For lookups, opens, and all other calls but reads and writes. */
  readonly names: DiskGate;
  /** Time limit of such a call. */
  readonly callMs: number;
  /** For reads and writes. */
  readonly bytes: DiskGate;
  readonly transferMs: number;
}

export class GuardedFileSystem implements FileSystem {
  readonly sync?: SyncFileSystem;
  readonly #inner: FileSystem;
  readonly #options: GuardOptions;

  constructor(inner: FileSystem, options: GuardOptions) {
    this.#inner = inner;
    this.#options = options;
    const { sync } = inner;
    if (sync === undefined) return;
    this.sync = {
      stat: (path) => sync.stat(path),
      realPath: (path) => sync.realPath(path),
      open: (path) => new GuardedFile(sync.open(path), path, options, 'sync'),
      isLocal: (path) => this.#call(path, () => sync.isLocal(path)),
    };
  }

  open(path: string): Promise<OpenFile> {
    return this.#call(
      path,
      async () => new GuardedFile(await this.#inner.open(path), path, this.#options, 'threads'),
      (file) => void file.close().catch(() => {}),
    );
  }

  stat(path: string): Promise<FileStat> {
    return this.#call(path, () => this.#inner.stat(path));
  }

  realPath(path: string): Promise<string> {
    return this.#call(path, () => this.#inner.realPath(path));
  }

  list(path: string): Promise<readonly string[]> {
    return this.#call(path, () => this.#inner.list(path));
  }

  create(path: string): Promise<NewFile> {
    const abandon = async (file: NewFile): Promise<void> => {
      await file.close().catch(() => {});
      await this.#inner.remove(path).catch(() => {});
    };
    return this.#call(
      path,
      async () => new GuardedNewFile(await this.#inner.create(path), path, this.#options),
      (file) => void abandon(file),
    );
  }

  makeDirectory(path: string): Promise<void> {
    return this.#call(path, () => this.#inner.makeDirectory(path));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(to, () => this.#inner.rename(from, to));
  }

  link(from: string, to: string): Promise<void> {
    return this.#call(to, () => this.#inner.link(from, to));
  }

  /** Removals are eventually done even if the caller has stopped waiting. */
  remove(path: string): Promise<void> {
    const { names, callMs } = this.#options;
    return names.run({ path, limitMs: callMs, must: true, work: () => this.#inner.remove(path) });
  }

  syncDirectory(path: string): Promise<void> {
    const { bytes, transferMs } = this.#options;
    return bytes.run({ path, limitMs: transferMs, work: () => this.#inner.syncDirectory(path) });
  }

  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }> {
    return this.#call(path, () => this.#inner.space(path));
  }

  #call<T>(path: string, work: () => Promise<T>, discard?: (value: T) => void): Promise<T> {
    const { names, callMs } = this.#options;
    return names.run({ path, limitMs: callMs, work, ...(discard && { discard }) });
  }
}

/**
 * Calls in progress on one descriptor. It is closed after the last of them has returned, because its number must not be reused
 * before.
 */
class Descriptor {
  readonly #path: string;
  readonly #options: GuardOptions;
  readonly #inUse = new Set<Promise<unknown>>();

  constructor(path: string, options: GuardOptions) {
    this.#path = path;
    this.#options = options;
  }

  ask<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(this.#options.names, this.#options.callMs, work);
  }

  transfer<T>(work: () => Promise<T>): Promise<T> {
    return this.#run(this.#options.bytes, this.#options.transferMs, work);
  }

  /** Resolves at once if an abandoned call still uses the descriptor, which is then closed after that call. */
  async close(work: () => Promise<void>): Promise<void> {
    const { names, callMs } = this.#options;
    const close = () => names.run({ path: this.#path, limitMs: callMs, must: true, work });
    if (this.#inUse.size === 0) return close();
    void Promise.allSettled(this.#inUse)
      .then(close)
      .catch(() => {});
  }

  #run<T>(gate: DiskGate, limitMs: number, work: () => Promise<T>): Promise<T> {
    return gate.run({
      path: this.#path,
      limitMs,
      work: () => {
        const using = work();
        this.#inUse.add(using);
        const done = () => this.#inUse.delete(using);
        using.then(done, done);
        return using;
      },
    });
  }
}

class GuardedFile implements OpenFile {
  readonly #inner: OpenFile;
  readonly #descriptor: Descriptor;
  /** Metadata is read on the calling thread. */
  readonly #sync: boolean;

  constructor(inner: OpenFile, path: string, options: GuardOptions, by: 'sync' | 'threads') {
    this.#inner = inner;
    this.#descriptor = new Descriptor(path, options);
    this.#sync = by === 'sync';
  }

  get fd(): number | undefined {
    return this.#inner.fd;
  }

  stat(): Promise<FileStat> {
    return this.#sync ? this.#inner.stat() : this.#descriptor.ask(() => this.#inner.stat());
  }

  realPath(): Promise<string> {
    return this.#sync ? this.#inner.realPath() : this.#descriptor.ask(() => this.#inner.realPath());
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#descriptor.transfer(() => this.#inner.read(into, position));
  }

  close(): Promise<void> {
    return this.#descriptor.close(() => this.#inner.close());
  }
}

class GuardedNewFile implements NewFile {
  readonly #inner: NewFile;
  readonly #descriptor: Descriptor;

  constructor(inner: NewFile, path: string, options: GuardOptions) {
    this.#inner = inner;
    this.#descriptor = new Descriptor(path, options);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#descriptor.transfer(() => this.#inner.write(bytes));
  }

  finish(): Promise<void> {
    return this.#descriptor.transfer(() => this.#inner.finish());
  }

  close(): Promise<void> {
    return this.#descriptor.close(() => this.#inner.close());
  }
}
