/**
 * The little that this program wants of a file system, so that tests can simulate one. The real one is in `node-filesystem.ts`.
 * Paths are absolute. Calls reject with Node's system errors (`error.code` is `ENOENT` and so on).
 */

/** Metadata of a file. Everything except `kind` and `links` makes up its version, see `version.ts`. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly device: bigint;
  readonly inode: bigint;
  /** Size in bytes. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Nanoseconds since the epoch; programs cannot set it. */
  readonly ctime: bigint;
  /** Number of hard links: 0 once the last is removed or replaced by rename while the file is open. */
  readonly links: number;
}

/** An open file. */
export interface OpenFile {
  /** The descriptor, if the operating system has them. */
  readonly fd: number | undefined;
  stat(): Promise<FileStat>;
  /** Reads up to `into.length` bytes at `position`; resolves with their number, which is smaller only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Where the opened file itself lies, links resolved: asked of the descriptor, so that no later swap of a name can lie. */
  realPath(): Promise<string>;
  close(): Promise<void>;
}

/** A file open for writing. */
export interface NewFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Flushes to disk and closes. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Synchronous calls. */
export interface SyncFileSystem {
  /**
   * Follows links; `undefined` if there is nothing of that name: most names that are looked for in a boot are absent, and an error
   * costs more than the call. Throws what else {@link FileSystem.stat} rejects with.
   */
  stat(path: string): FileStat | undefined;
  /** Throws the errors of {@link FileSystem.realPath}. */
  realPath(path: string): string;
  /** As {@link FileSystem.open}, and throws what that rejects with. What the file tells of itself needs no thread either. */
  open(path: string): OpenFile;
  /** Whether the path is on a local disk or in memory. */
  isLocal(path: string): Promise<boolean>;
}

export interface FileSystem {
  /** Absent if only threads make calls. */
  readonly sync?: SyncFileSystem;
  /** Opens for reading; never blocks on a FIFO and never becomes a controlling terminal. */
  open(path: string): Promise<OpenFile>;
  /** Follows links. */
  stat(path: string): Promise<FileStat>;
  realPath(path: string): Promise<string>;
  /** The names in a directory. */
  list(path: string): Promise<readonly string[]>;
  /** Creates a file that must not exist yet. */
  create(path: string): Promise<NewFile>;
  makeDirectory(path: string): Promise<void>;
  /** Atomic; replaces any file at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Atomic; fails with `EEXIST` if `to` exists. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Flushes a directory to disk, so that renames survive a loss of power. */
  syncDirectory(path: string): Promise<void>;
  /** Of the disk that the path lies on, as far as this user may write to it. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}
