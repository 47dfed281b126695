/**
 * The operations that this program needs of a file system, so that tests can simulate one. The real one is in
 * `node-filesystem.ts`. Paths are absolute. Calls reject with Node's system errors (`error.code` is `ENOENT` and so on).
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
  /**
   * The path of the opened file, with links resolved. It comes from the descriptor, so a later change of the name cannot falsify
   * it.
   */
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
   * Follows links; `undefined` if the name does not exist: most names looked up during a boot are absent, and an error costs more
   * than the call. Throws the other errors of {@link FileSystem.stat}.
   */
  stat(path: string): FileStat | undefined;
  /** Throws the errors of {@link FileSystem.realPath}. */
  realPath(path: string): string;
  /** Like {@link FileSystem.open}, and throws its errors. The file's metadata needs no thread either. */
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
  /** Size of the path's disk, and its space available to this user. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}
