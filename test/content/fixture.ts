/** A real folder for a test, and a file system that tells what is done with it and lets a test step in. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { Refusal } from '../../src/base/refusal.ts';
import type { Content } from '../../src/content/content.ts';
import type { FileSystem, OpenFile } from '../../src/content/filesystem.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';

export interface Folder {
  readonly path: string;
  /** Writes a file, with the folders that it needs; returns its path. */
  put(name: string, bytes: string | Uint8Array): string;
}

/** A new folder with one called `ROOT` in it, so that a test has a place outside. */
export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'pxe-content-'));
  mkdirSync(join(path, 'ROOT'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return {
    path,
    put(name, bytes) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, bytes);
      return file;
    },
  };
}

export interface WatchedFileSystem extends FileSystem {
  /** Calls so far: `open`, `stat`, `read`, `fstat`, … */
  readonly calls: Record<string, number>;
  /** Paths given to `open`. */
  readonly opened: string[];
  /** Descriptors open now. */
  openFiles: number;
}

const { sync: _, ...byThreads } = nodeFileSystem;

/** The real file system without looks at once, which nothing could step into. */
export const threadedFileSystem: FileSystem = byThreads;

/** The real file system, counted. `overrides` take the place of its calls; at the end of the test no descriptor may be open. */
export function watched(overrides: Partial<FileSystem> = {}): WatchedFileSystem {
  const calls: Record<string, number> = {};
  const count = (name: string) => {
    calls[name] = (calls[name] ?? 0) + 1;
  };
  const inner: FileSystem = { ...threadedFileSystem, ...overrides };
  const fileSystem = { ...inner, calls, opened: [] as string[], openFiles: 0 };
  fileSystem.stat = (path) => {
    count('stat');
    return inner.stat(path);
  };
  fileSystem.list = (path) => {
    count('list');
    return inner.list(path);
  };
  fileSystem.open = async (path) => {
    count('open');
    fileSystem.opened.push(path);
    const file = await inner.open(path);
    fileSystem.openFiles++;
    const counted: OpenFile = {
      fd: file.fd,
      stat() {
        count('fstat');
        return file.stat();
      },
      read(into, position) {
        count('read');
        return file.read(into, position);
      },
      realPath: () => file.realPath(),
      async close() {
        fileSystem.openFiles--;
        await file.close();
      },
    };
    return counted;
  };
  onTestFinished(() => {
    if (fileSystem.openFiles !== 0) throw new Error(`${fileSystem.openFiles} files left open`);
  });
  return fileSystem;
}

/** Longer than any file system's clock tick, so that the next write gets another time. */
export function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 25));
}

export async function text(content: Content): Promise<string> {
  return Buffer.from(await all(content)).toString();
}

/** Reads all of it in reads of `length`, and closes it. */
export async function all(content: Content, length = 65536): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  try {
    for (let offset = 0; ; ) {
      const part = await content.read(offset, length);
      parts.push(part);
      offset += part.length;
      if (part.length < length) return Buffer.concat(parts);
    }
  } finally {
    await content.close();
  }
}

/** What came of a promise, in one comparable line, as a TFTP client would get it: `ERROR 2 access violation`, or the value. */
export async function outcome<T>(promise: Promise<T> | T): Promise<T | string> {
  try {
    return await promise;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `ERROR ${codeOf(error)} ${error.message}`;
  }
}

export function systemError(code: string, path = '/secret/path'): Error {
  return Object.assign(new Error(`${code}: something, open '${path}'`), { code, path });
}
