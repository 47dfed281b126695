/**
 * The real file system. It only translates calls; `root.ts` decides what may be opened.
 */
import * as fs from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, readlink, realpath, rename, stat, statfs, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Awaitable } from '../base/awaitable.ts';
import { codeOf } from './fault.ts';
import type { FileStat, FileSystem, NewFile, OpenFile } from './filesystem.ts';
import { sameFile } from './version.ts';

/** O_NONBLOCK: opening a FIFO returns at once. O_NOCTTY: opening a terminal changes nothing. Windows has neither. */
const READ_FLAGS = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0);

/** Types of file systems that depend on neither another machine nor a program, by Linux's numbers (linux/magic.h). */
const LOCAL_KINDS = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // XFS
  0x9123683e, // btrfs
  0xf2f52010, // F2FS
  0xca451a4e, // bcachefs
  0x2fc12fc1, // ZFS
  0x01021994, // tmpfs
  0x858458f6, // ramfs
  0x794c7630, // overlay
  0x73717368, // squashfs
  0xe0f5e1e2, // EROFS
  0x9660, // ISO 9660
]);

export const nodeFileSystem: FileSystem = {
  sync: {
    stat: (path) => {
      const stats = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return stats && fileStat(stats);
    },
    realPath: (path) => fs.realpathSync.native(path),
    open: (path) => new NodeOpenFile(fs.openSync(path, READ_FLAGS), path, sync),
    isLocal: async (path) => process.platform === 'linux' && LOCAL_KINDS.has((await statfs(path)).type),
  },
  open: async (path) => new NodeOpenFile(await threads.open(path, READ_FLAGS), path, threads),
  stat: async (path) => fileStat(await stat(path, { bigint: true })),
  realPath: (path) => realpath(path),
  list: (path) => readdir(path),
  create: async (path) => new NodeNewFile(await open(path, 'wx')),
  makeDirectory: async (path) => void (await mkdir(path)),
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to),
  remove: (path) => unlink(path),
  syncDirectory,
  space: async (path) => {
    const { bsize, bavail, blocks } = await statfs(path);
    return { freeBytes: bsize * bavail, totalBytes: bsize * blocks };
  },
};

/** Some file systems (Windows, some network disks) cannot flush a directory and do not need it. */
const CANNOT_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EPERM', 'EACCES', 'EBADF', 'EISDIR']);

async function syncDirectory(path: string): Promise<void> {
  try {
    await using directory = await open(path, 'r');
    await directory.sync();
  } catch (error) {
    if (!CANNOT_SYNC.has(codeOf(error) ?? '')) throw error;
  }
}

/** The path through which an open file's own path is read. */
interface Questions {
  fstat(fd: number): Awaitable<fs.BigIntStats>;
  readlink(path: string): Awaitable<string>;
}

const fstat = promisify(fs.fstat) as (fd: number, options: { readonly bigint: true }) => Promise<fs.BigIntStats>;
const threads = { open: promisify(fs.open), fstat: (fd: number) => fstat(fd, { bigint: true }), readlink };
const sync: Questions = { fstat: (fd) => fs.fstatSync(fd, { bigint: true }), readlink: (path) => fs.readlinkSync(path) };
const read = promisify(fs.read);
/** Never synchronous: closing a large file that was replaced frees its blocks. */
const close = promisify(fs.close);

class NodeOpenFile implements OpenFile {
  readonly #fd: number;
  readonly #path: string;
  readonly #questions: Questions;
  #closed: Promise<void> | undefined;

  constructor(fd: number, path: string, questions: Questions) {
    this.#fd = fd;
    this.#path = path;
    this.#questions = questions;
  }

  /** Throws if closed, because the number may mean another file by then. */
  get fd(): number {
    if (this.#closed === undefined) return this.#fd;
    throw Object.assign(new Error('file is closed'), { code: 'EBADF' });
  }

  async stat(): Promise<FileStat> {
    return fileStat(await this.#questions.fstat(this.fd));
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    let count = 0;
    while (count < into.length) {
      const { bytesRead } = await read(this.fd, into, count, into.length - count, position + count);
      if (bytesRead === 0) break;
      count += bytesRead;
    }
    return count;
  }

  async realPath(): Promise<string> {
    if (process.platform === 'linux') {
      try {
        return await this.#withoutDeletedMark(await this.#questions.readlink(`/proc/self/fd/${this.fd}`));
      } catch (error) {
        // A bare chroot has no /proc.
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
    // The descriptor cannot be queried, so the name is resolved again and must still mean this file.
    const path = await realpath(this.#path);
    if (await this.#isAt(path)) return path;
    throw Object.assign(new Error('file was replaced while it was opened'), { code: 'ESTALE' });
  }

  close(): Promise<void> {
    this.#closed ??= close(this.#fd);
    return this.#closed;
  }

  /** Linux marks a removed file by a suffix, but a real file name may have it, too. */
  async #withoutDeletedMark(path: string): Promise<string> {
    const mark = ' (deleted)';
    return path.endsWith(mark) && !(await this.#isAt(path)) ? path.slice(0, -mark.length) : path;
  }

  async #isAt(path: string): Promise<boolean> {
    try {
      return sameFile(await nodeFileSystem.stat(path), await this.stat());
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }
}

class NodeNewFile implements NewFile {
  readonly #handle: FileHandle;
  #position = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const start = this.#position;
    this.#position += bytes.length;
    for (let count = 0; count < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, count, bytes.length - count, start + count);
      count += bytesWritten;
    }
  }

  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
  }

  /** Harmless after `finish`. */
  close(): Promise<void> {
    return this.#handle.close();
  }
}

export function fileStat(stats: fs.BigIntStats): FileStat {
  return {
    kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other',
    device: stats.dev,
    inode: stats.ino,
    size: Number(stats.size),
    mtime: stats.mtimeNs,
    ctime: stats.ctimeNs,
    links: Number(stats.nlink),
  };
}
