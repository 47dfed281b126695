/**
 * The little that this program wants of a file system, so that tests can simulate one. The real one is in `node-filesystem.ts`.
 * Paths are absolute. Calls reject with Node's system errors (`error.code` is `ENOENT` and so on).
 */

/** What is known of a file without reading it. All but `kind` and `links` make up its version, see `version.ts`. */
export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  readonly device: bigint;
  readonly inode: bigint;
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since the epoch. */
  readonly mtime: bigint;
  /** Nanoseconds since the epoch; no program can set it back. */
  readonly ctime: bigint;
  /** Names that the file has: 0 once the last is removed or replaced by rename, while it is still open. */
  readonly links: number;
}

/** An open file. */
export interface OpenFile {
  /** The descriptor, where the operating system has one. */
  readonly fd: number | undefined;
  stat(): Promise<FileStat>;
  /** Reads up to `into.length` bytes at `position`; resolves with their number, which is smaller only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Where the opened file itself lies, links resolved: asked of the descriptor, so that no later swap of a name can lie. */
  realPath(): Promise<string>;
  close(): Promise<void>;
}

/** A file being written. */
export interface NewFile {
  write(bytes: Uint8Array): Promise<void>;
  /** Flushed to disk and closed. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Calls made on this thread, which waits for them. */
export interface SyncFileSystem {
  /**
   * Follows links; `undefined` if there is nothing of that name: most names that are looked for in a boot are absent, and an error
   * costs more than the call. Throws what else {@link FileSystem.stat} rejects with.
   */
  stat(path: string): FileStat | undefined;
  /** Throws what {@link FileSystem.realPath} rejects with. */
  realPath(path: string): string;
  /** As {@link FileSystem.open}, and throws what that rejects with. What the file tells of itself needs no thread either. */
  open(path: string): OpenFile;
  /** Whether the path lies on a disk of this machine, or in its memory. */
  isLocal(path: string): Promise<boolean>;
}

export interface FileSystem {
  /** Absent where only threads make calls. */
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
  /** Atomic; replaces what stands at `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Atomic; fails with `EEXIST` if `to` exists. */
  link(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Flushes the names in a directory to disk: what was renamed stays so after a loss of power. */
  syncDirectory(path: string): Promise<void>;
  /** Of the disk that the path lies on, as far as this user may write to it. */
  space(path: string): Promise<{ readonly freeBytes: number; readonly totalBytes: number }>;
}
