import { chmodSync, linkSync, renameSync, rmSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../src/base/segment.ts';
import { SegmentCache } from '../../src/content/cache.ts';
import { FileContent } from '../../src/content/file.ts';
import type { FileStat, OpenFile } from '../../src/content/filesystem.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { Root, type ServedFile } from '../../src/content/root.ts';
import { sameVersion, unsettledMs, versionKey } from '../../src/content/version.ts';
import { all, outcome, temporaryFolder, tick, watched } from './fixture.ts';

const CHANGED = 'ERROR 0 file changed during transfer';
const SIZE = 3 * SEGMENT_BYTES;
const whole = (letter: string) => Buffer.alloc(SIZE, letter);

/** An open file of three segments `a`, the first of which was read, and its folder. */
async function reading(options: { kept: boolean }) {
  const folder = temporaryFolder();
  const path = folder.put('ROOT/x', whole('a'));
  utimesSync(path, 1_000_000_000, 1_000_000_000);
  await tick();
  const cache = new SegmentCache({ maxBytes: options.kept ? 1e8 : 0 });
  const root = new Root(join(folder.path, 'ROOT'), { fileSystem: watched(), cache, stableMs: 0 });
  const file = (await root.open('x')) as ServedFile;
  expect(letters(await file.read(0, SEGMENT_BYTES))).toBe('a');
  return { folder, path, root, file };
}

const stat: FileStat = { kind: 'file', device: 1n, inode: 2n, size: SIZE, mtime: 4n, ctime: 5n, links: 1 };

/** A file that exists nowhere. */
function simulatedFile(overrides: Partial<OpenFile>) {
  const file: OpenFile = {
    fd: undefined,
    stat: async () => stat,
    read: async (into) => into.length,
    realPath: async () => '/x',
    close: async () => {},
    ...overrides,
  };
  const cache = new SegmentCache({ maxBytes: 0 });
  // Its path leads to it all along.
  const fileSystem = { ...nodeFileSystem, stat: async () => stat };
  return { content: new FileContent({ file, version: stat, name: 'x', path: '/x', fileSystem, cache }) };
}

/** The different letters in some bytes: one of them unless versions were mixed. */
function letters(bytes: Uint8Array): string {
  return [...new Set(bytes)].map((byte) => String.fromCharCode(byte)).join('');
}

async function rest(file: ServedFile): Promise<string> {
  try {
    return await outcome(Promise.resolve(file.read(SEGMENT_BYTES, 2 * SEGMENT_BYTES)).then(letters));
  } finally {
    await file.close();
  }
}

describe('a file that changes under an open transfer', () => {
  type Case = [what: string, change: (path: string, folder: string) => void, rest: string, next: string | undefined];

  const replaced: Case[] = [
    ['is replaced by rename', (path, folder) => renameSync(write(join(folder, 'new'), 'b'), path), 'a', 'b'],
    ['is removed', (path) => unlinkSync(path), 'a', undefined],
    ['is moved aside', (path) => renameSync(path, `${path}.bak`), 'a', undefined],
    [
      'is moved aside and replaced',
      (path) => {
        renameSync(path, `${path}.bak`);
        write(path, 'b');
      },
      'a',
      'b',
    ],
    [
      'is removed and written anew',
      (path) => {
        unlinkSync(path);
        write(path, 'b');
      },
      'a',
      'b',
    ],
    [
      'is removed with its folder',
      (_, folder) => rmSync(join(folder, 'ROOT'), { recursive: true }),
      'a',
      'ERROR 0 cannot read file',
    ],
    ['stays as it is', () => {}, 'a', 'a'],
  ];
  const changed: Case[] = [
    ['is rewritten in place', (path) => write(path, 'b'), CHANGED, 'b'],
    [
      'is rewritten and its mtime set back',
      (path) => {
        write(path, 'b');
        utimesSync(path, 1_000_000_000, 1_000_000_000);
      },
      CHANGED,
      'b',
    ],
    ['is truncated', (path) => truncateSync(path, 10), CHANGED, 'a'],
    [
      'is truncated and its mtime set back',
      (path) => {
        truncateSync(path, 10);
        utimesSync(path, 1_000_000_000, 1_000_000_000);
      },
      CHANGED,
      'a',
    ],
    ['grows', (path) => writeFileSync(path, 'b', { flag: 'a' }), CHANGED, 'ab'],
    [
      'is rewritten, then removed',
      (path) => {
        write(path, 'b');
        unlinkSync(path);
      },
      CHANGED,
      undefined,
    ],
    [
      'is removed, then rewritten through another name',
      (path) => {
        linkSync(path, `${path}2`);
        unlinkSync(path);
        write(`${path}2`, 'b');
      },
      CHANGED,
      undefined,
    ],
    // Looks like a write whose mtime was set back, so it is taken for one.
    ['gets another mode', (path) => chmodSync(path, 0o600), CHANGED, 'a'],
    ['gets another name', (path) => linkSync(path, `${path}2`), CHANGED, 'a'],
  ];

  function write(path: string, letter: string): string {
    writeFileSync(path, whole(letter));
    return path;
  }

  test.each([...replaced, ...changed])('%s', async (_, change, expected, next) => {
    const { folder, path, root, file } = await reading({ kept: false });
    change(path, folder.path);
    expect(await rest(file)).toBe(expected);
    // The next request gets what is there now, whatever this one made of it.
    expect(await outcome(root.open('x').then((again) => again && all(again).then(letters)))).toBe(next);
  });

  test('bytes already held are served, and never go on with others', async () => {
    const { path, file } = await reading({ kept: true });
    write(path, 'b');
    expect(letters(await file.read(100, 1000))).toBe('a');
    expect(await rest(file)).toBe(CHANGED);
  });

  test('what was read too late is not kept for the version it is not', async () => {
    const { path, root, file } = await reading({ kept: true });
    write(path, 'b');
    expect(await rest(file)).toBe(CHANGED);
    expect(letters(await all((await root.open('x')) as ServedFile))).toBe('b');
  });

  test('replaced twice, and once more after its first look', async () => {
    const { folder, path, file } = await reading({ kept: false });
    linkSync(path, `${path}2`);
    unlinkSync(`${path}2`);
    // Its link count is as it was: nothing tells this from a write.
    expect(await outcome(Promise.resolve(file.read(0, 10)))).toBe(CHANGED);
    await file.close();

    const second = await reading({ kept: false });
    renameSync(write(join(folder.path, 'new'), 'b'), second.path);
    expect(letters(await second.file.read(0, 10))).toBe('a');
    renameSync(write(join(folder.path, 'new'), 'c'), second.path);
    expect(await rest(second.file)).toBe('a');
  });

  test('a file moved aside may not change a second time', async () => {
    const { path, file } = await reading({ kept: false });
    renameSync(path, `${path}.bak`);
    expect(letters(await file.read(0, 10))).toBe('a');
    write(`${path}.bak`, 'b');
    utimesSync(`${path}.bak`, 1_000_000_000, 1_000_000_000);
    expect(await rest(file)).toBe(CHANGED);
  });

  test('a thousand reads while it is rewritten over and over never mix', async () => {
    const { path, root, file } = await reading({ kept: false });
    await file.close();
    const seen = new Set<string>();
    for (let round = 0; round < 40; round++) {
      write(path, 'ab'[round % 2]!);
      await tick();
      const open = (await root.open('x')) as ServedFile;
      const reads = Array.from({ length: 24 }, (_, i) =>
        outcome(Promise.resolve(open.read((i % 3) * SEGMENT_BYTES, SEGMENT_BYTES)).then(letters)),
      );
      setImmediate(() => write(path, 'z'));
      const got = new Set(await Promise.all(reads));
      await open.close();
      got.delete(CHANGED);
      expect(got.size).toBeLessThanOrEqual(1);
      for (const letter of got) seen.add(letter as string);
    }
    expect([...seen].every((letter) => letter.length === 1)).toBe(true);
  });
});

describe('reads', () => {
  test.each([
    [0, 10],
    [SEGMENT_BYTES - 5, 10],
    [SEGMENT_BYTES - 5, 2 * SEGMENT_BYTES],
    [SEGMENT_BYTES, SEGMENT_BYTES],
    [150_000, 100_000],
    [150_000, 0],
    [200_000, 10],
    [999_999, 10],
  ])('from %d, %d bytes', async (offset, length) => {
    const folder = temporaryFolder();
    const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
    folder.put('ROOT/x', bytes);
    const file = (await new Root(join(folder.path, 'ROOT'), { fileSystem: watched(), stableMs: 0 }).open('x')) as ServedFile;
    const expected = bytes.subarray(offset, offset + length);
    expect(expected.equals(await file.read(offset, length))).toBe(true);
    await file.close();
  });

  test('are answered at once where the cache has the bytes', async () => {
    const { file } = await reading({ kept: true });
    expect(file.read(1000, 100)).toBeInstanceOf(Uint8Array);
    await file.close();
  });

  test('under way are waited for before the file is closed: others may need them', async () => {
    const { root, file } = await reading({ kept: true });
    const other = (await root.open('x')) as ServedFile;
    const mine = file.read(SEGMENT_BYTES, 10);
    const shared = other.read(SEGMENT_BYTES, 10);
    await file.close();
    expect(letters(await mine)).toBe('a');
    expect(letters(await shared)).toBe('a');
    expect(await outcome(Promise.resolve(file.read(2 * SEGMENT_BYTES, 10)))).toBe('ERROR 0 cannot read file');
    await other.close();
  });

  test('that get less than the file has fail, whatever its size is said to be', async () => {
    const { content } = simulatedFile({ read: async (into) => into.length - 1 });
    expect(await outcome(Promise.resolve(content.read(0, 10)))).toBe(CHANGED);
    await content.close();
  });

  test('may overlap: a look that began before a replacement may end after one that saw it', async () => {
    let first = () => {};
    const looks = [
      new Promise<FileStat>((resolve) => {
        first = () => resolve(stat);
      }),
      Promise.resolve({ ...stat, links: 0, ctime: 6n }),
    ];
    const { content } = simulatedFile({ stat: () => looks.shift()! });
    const early = content.read(0, 10);
    await content.read(SEGMENT_BYTES, 10);
    first();
    expect((await early).length).toBe(10);
    await content.close();
  });

  test('fill SharedArrayBuffers too', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', whole('a'));
    const cache = new SegmentCache({ maxBytes: 1e8, allocate: (length) => new Uint8Array(new SharedArrayBuffer(length)) });
    const file = (await new Root(join(folder.path, 'ROOT'), { fileSystem: watched(), cache, stableMs: 0 }).open(
      'x',
    )) as ServedFile;
    const bytes = await file.read(0, SEGMENT_BYTES);
    expect(bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(letters(bytes)).toBe('a');
    await file.close();
  });
});

describe('versions', () => {
  test.each<[Partial<FileStat>, boolean]>([
    [{}, true],
    [{ links: 2 }, true],
    [{ device: 9n }, false],
    [{ inode: 9n }, false],
    [{ size: 9 }, false],
    [{ mtime: 9n }, false],
    [{ ctime: 9n }, false],
  ])('with %o: the same is %s', (change, same) => {
    expect(sameVersion(stat, { ...stat, ...change })).toBe(same);
    expect(versionKey(stat) === versionKey({ ...stat, ...change })).toBe(same);
  });

  test.each([
    [1000, 100],
    [1001, 99],
    [1099, 1],
    [1100, 0],
    [99_999, 0],
    [0, 100],
  ])('at %d ms, a file changed at 1000 ms settles in %d ms', (now, expected) => {
    expect(unsettledMs({ ...stat, ctime: 1_000_000_000n }, now, 100)).toBe(expected);
  });
});

describe.runIf(process.platform === 'linux')('the path of an open file', () => {
  test('follows the file, not the name, and bears no mark when the name is gone', async () => {
    const folder = temporaryFolder();
    for (const name of ['plain', 'named so (deleted)']) {
      const path = folder.put(name, 'x');
      const file = await nodeFileSystem.open(path);
      expect(await file.realPath()).toBe(path);
      renameSync(path, `${path}2`);
      expect(await file.realPath()).toBe(`${path}2`);
      unlinkSync(`${path}2`);
      expect(await file.realPath()).toBe(`${path}2`);
      await file.close();
    }
  });
});
