import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Sink } from '../../src/content/content.ts';
import type { FileSystem } from '../../src/content/filesystem.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { Root } from '../../src/content/root.ts';
import { UploadFolder, type UploadOptions } from '../../src/content/upload.ts';
import { outcome, systemError, temporaryFolder } from './fixture.ts';

const VIOLATION = 'ERROR 2 access violation';
const FULL = 'ERROR 3 disk full or allocation exceeded';
const EXISTS = 'ERROR 6 file already exists';

function uploads(options: Partial<UploadOptions> = {}) {
  const folder = temporaryFolder();
  const dir = join(folder.path, 'ROOT');
  const target = new UploadFolder({ dir, maxBytes: 1000, overwrite: false, fileSystem: nodeFileSystem, ...options });
  return { folder, dir, target };
}

/** Uploads as the server does: what fails is aborted. */
async function put(target: UploadFolder, name: string, bytes: string, claimed?: number): Promise<string> {
  const stored = await outcome(
    (async () => {
      const sink = await target.open(name, claimed);
      try {
        for (let at = 0; at < bytes.length; at += 100) await sink.write(Buffer.from(bytes.slice(at, at + 100)));
      } catch (error) {
        await sink.abort();
        throw error;
      }
      await sink.commit();
    })(),
  );
  return stored ?? 'stored';
}

/** Everything under a folder, links not followed. */
function tree(path: string): string[] {
  return readdirSync(path, { recursive: true }).map(String).sort();
}

test('an upload appears under its name when it is complete', async () => {
  const { dir, target } = uploads();
  const sink = await target.open('x', undefined);
  await sink.write(Buffer.from('one '));
  await sink.write(Buffer.from('two'));
  expect(existsSync(join(dir, 'x'))).toBe(false);
  await sink.commit();
  expect(tree(dir)).toEqual(['x']);
  expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('one two');
});

test('an empty upload is an empty file', async () => {
  const { dir, target } = uploads();
  expect(await put(target, 'x', '')).toBe('stored');
  expect(readFileSync(join(dir, 'x'), 'utf8')).toBe('');
});

test('an aborted upload leaves nothing, not even the folders it named', async () => {
  const { dir, target } = uploads();
  const sink = await target.open('a/b/x', undefined);
  await sink.write(Buffer.from('half'));
  expect(tree(dir)).toHaveLength(1);
  await sink.abort();
  await sink.abort();
  expect(tree(dir)).toEqual([]);
});

test('folders in the name are made within', async () => {
  const { dir, target } = uploads();
  expect(await put(target, '/upload//hpa-f0', 'x')).toBe('stored');
  expect(await put(target, 'upload/deep/er\\y', 'y')).toBe('stored');
  expect(tree(dir)).toEqual(['upload', 'upload/deep', 'upload/deep/er', 'upload/deep/er/y', 'upload/hpa-f0']);
});

describe('what is there already', () => {
  test.each<[what: string, name: string, overwrite: boolean, expected: string]>([
    ['nothing', 'new', false, 'stored'],
    ['a file', 'file', false, EXISTS],
    ['a file', 'file', true, 'stored'],
    ['a folder', 'folder', false, EXISTS],
    ['a folder', 'folder', true, VIOLATION],
    ['a file as a folder', 'file/x', true, VIOLATION],
    ['a link to a file outside', 'link', false, EXISTS],
    ['a link to a file outside', 'link', true, 'stored'],
    ['a link to nowhere', 'dangling', false, EXISTS],
    ['a link to nowhere', 'dangling', true, 'stored'],
    ['a link to a device', 'device', true, VIOLATION],
    ['a link to a folder outside', 'out/x', true, VIOLATION],
    ['a link to a folder outside', 'out', true, VIOLATION],
    ['a link to nowhere as a folder', 'dangling/x', true, VIOLATION],
    ['a link to a folder within', 'in/x', false, 'stored'],
  ])('%s: %s, overwrite %s', async (_, name, overwrite, expected) => {
    const { folder, dir, target } = uploads({ overwrite });
    folder.put('outside/x', 'outside');
    folder.put('ROOT/file', 'old');
    mkdirSync(join(dir, 'folder'));
    symlinkSync('../outside/x', join(dir, 'link'));
    symlinkSync('../outside/y', join(dir, 'dangling'));
    symlinkSync('../outside', join(dir, 'out'));
    symlinkSync('folder', join(dir, 'in'));
    symlinkSync('/dev/null', join(dir, 'device'));
    const before = tree(dir);
    expect(await put(target, name, 'new')).toBe(expected);
    expect(tree(join(folder.path, 'outside'))).toEqual(['x']);
    expect(readFileSync(join(folder.path, 'outside/x'), 'utf8')).toBe('outside');
    if (expected === 'stored') {
      expect(lstatSync(join(dir, name)).isFile()).toBe(true);
      expect(readFileSync(join(dir, name), 'utf8')).toBe('new');
    } else {
      expect(tree(dir)).toEqual(before);
      expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
      expect(readlinkSync(join(dir, 'link'))).toBe('../outside/x');
    }
  });

  test('is said before a byte is sent', async () => {
    const { folder, target } = uploads();
    folder.put('ROOT/file', 'old');
    expect(await outcome(target.open('file', 5))).toBe(EXISTS);
  });

  test.each([true, false])('two uploads of one name at once, overwrite %s', async (overwrite) => {
    const { dir, target } = uploads({ overwrite });
    const [first, second] = (await Promise.all([target.open('a/x', undefined), target.open('a/x', undefined)])) as [Sink, Sink];
    await first.write(Buffer.from('first'));
    await second.write(Buffer.from('second'));
    await second.commit();
    expect((await outcome(first.commit())) ?? 'stored').toBe(overwrite ? 'stored' : EXISTS);
    expect(readFileSync(join(dir, 'a/x'), 'utf8')).toBe(overwrite ? 'first' : 'second');
    expect(tree(dir)).toEqual(['a', 'a/x']);
  });

  test('fifty that commit at the same moment: one is stored, whole', async () => {
    const { dir, target } = uploads();
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => put(target, 'x', String(i).repeat(300))));
    expect(results.filter((result) => result === 'stored')).toHaveLength(1);
    expect(new Set(results)).toEqual(new Set(['stored', EXISTS]));
    expect(readFileSync(join(dir, 'x'), 'utf8')).toBe(String(results.indexOf('stored')).repeat(300));
    expect(tree(dir)).toEqual(['x']);
  });
});

describe('the quota', () => {
  test.each<[bytes: number, claimed: number | undefined, expected: string]>([
    [1000, undefined, 'stored'],
    [1001, undefined, FULL],
    [1000, 1000, 'stored'],
    [10, 1001, FULL],
    [10, Number.POSITIVE_INFINITY, FULL],
    // A wrong claim is harmless.
    [10, 1000, 'stored'],
    [1000, 1, 'stored'],
    [1001, 1, FULL],
    [10, 0, 'stored'],
  ])('%d bytes, claimed as %s', async (bytes, claimed, expected) => {
    const { dir, target } = uploads();
    expect(await put(target, 'a/x', 'x'.repeat(bytes), claimed)).toBe(expected);
    if (expected === 'stored') expect(lstatSync(join(dir, 'a/x')).size).toBe(bytes);
    else expect(tree(dir)).toEqual([]);
  });

  test('a claim allocates nothing', async () => {
    const { dir, target } = uploads({ maxBytes: 2 ** 40 });
    const sink = await target.open('x', 2 ** 39);
    expect(lstatSync(join(dir, tree(dir)[0]!)).size).toBe(0);
    await sink.abort();
  });
});

describe('names', () => {
  test.each([
    ['../x', VIOLATION],
    ['..\\x', VIOLATION],
    ['a/../../x', VIOLATION],
    ['.pxe-upload-1', VIOLATION],
    ['a/.PXE-upload-1/x', VIOLATION],
    ['', 'ERROR 1 file not found'],
    ['/', 'ERROR 1 file not found'],
    ['a\0b', 'ERROR 1 file not found'],
    ['a'.repeat(256), 'ERROR 1 file not found'],
    ['x\u00ff', 'stored'],
  ])('$0: $1', async (name, expected) => {
    const { folder, dir, target } = uploads();
    expect(await put(target, name, 'x')).toBe(expected);
    expect(tree(folder.path)).toEqual(expected === 'stored' ? ['ROOT', 'ROOT/x'] : ['ROOT']);
    if (expected === 'stored') expect(tree(dir)).toEqual(['x']);
  });
});

describe('failures', () => {
  const failing = (name: keyof FileSystem, code: string): FileSystem => ({
    ...nodeFileSystem,
    [name]: () => Promise.reject(systemError(code)),
  });
  /** A disk on which nothing can be written to a file. */
  const fullDisk = (method: 'write' | 'finish', code: string): FileSystem => ({
    ...nodeFileSystem,
    async create(path) {
      const file = await nodeFileSystem.create(path);
      const fail = () => Promise.reject(systemError(code));
      return { write: (bytes) => file.write(bytes), finish: () => file.finish(), close: () => file.close(), [method]: fail };
    },
  });

  test.each<[what: string, fileSystem: FileSystem, expected: string]>([
    ['create EACCES', failing('create', 'EACCES'), VIOLATION],
    ['create EROFS', failing('create', 'EROFS'), VIOLATION],
    ['create EMFILE', failing('create', 'EMFILE'), 'ERROR 0 cannot store file'],
    ['create ENOSPC', failing('create', 'ENOSPC'), FULL],
    ['write ENOSPC', fullDisk('write', 'ENOSPC'), FULL],
    ['write EDQUOT', fullDisk('write', 'EDQUOT'), FULL],
    ['write EIO', fullDisk('write', 'EIO'), 'ERROR 0 cannot store file'],
    ['flush ENOSPC', fullDisk('finish', 'ENOSPC'), FULL],
    ['flush EIO', fullDisk('finish', 'EIO'), 'ERROR 0 cannot store file'],
    ['link EIO', failing('link', 'EIO'), 'ERROR 0 cannot store file'],
    ['link EEXIST', failing('link', 'EEXIST'), EXISTS],
    ['makeDirectory EACCES', failing('makeDirectory', 'EACCES'), VIOLATION],
    ['realPath ENOENT', failing('realPath', 'ENOENT'), 'ERROR 0 cannot store file'],
  ])('%s: no path in the text, nothing left behind', async (_, fileSystem, expected) => {
    const { dir, target } = uploads({ fileSystem });
    expect(await put(target, 'a/x', 'bytes')).toBe(expected);
    expect(tree(dir).filter((name) => name !== 'a')).toEqual([]);
  });

  test('without hard links a name is still taken once only', async () => {
    const { dir, target } = uploads({ fileSystem: failing('link', 'EPERM') });
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => put(target, 'x', String(i).repeat(300))));
    expect(results.filter((result) => result === 'stored')).toHaveLength(1);
    expect(readFileSync(join(dir, 'x'), 'utf8')).toBe(String(results.indexOf('stored')).repeat(300));
    expect(tree(dir)).toEqual(['x']);
  });

  test('a folder that was swapped for a link out just before the file is made', async () => {
    const swapping: FileSystem = {
      ...nodeFileSystem,
      async create(path) {
        await nodeFileSystem.rename(join(path, '..'), join(path, '../../aside'));
        symlinkSync('../outside', join(path, '..'));
        return nodeFileSystem.create(path);
      },
    };
    const { folder, target } = uploads({ fileSystem: swapping });
    mkdirSync(join(folder.path, 'ROOT/a'));
    mkdirSync(join(folder.path, 'outside'));
    expect(await put(target, 'a/x', 'bytes')).toBe(VIOLATION);
    expect(tree(join(folder.path, 'outside'))).toEqual([]);
  });

  test('one swapped while the upload runs gets nothing', async () => {
    const { folder, dir, target } = uploads();
    mkdirSync(join(dir, 'a'));
    mkdirSync(join(folder.path, 'outside'));
    const sink = await target.open('a/x', undefined);
    await sink.write(Buffer.from('bytes'));
    await nodeFileSystem.rename(join(dir, 'a'), join(dir, 'b'));
    symlinkSync('../outside', join(dir, 'a'));
    expect(await outcome(sink.commit())).toBe('ERROR 0 cannot store file');
    expect(tree(join(folder.path, 'outside'))).toEqual([]);
  });
});

test('an upload under way cannot be read from a root around it', async () => {
  const { dir, target } = uploads();
  const sink = await target.open('x', undefined);
  const [temporary] = tree(dir);
  const root = new Root(dir, { fileSystem: nodeFileSystem, stableMs: 0 });
  expect(await root.open(temporary!)).toBeUndefined();
  expect(await root.has(temporary!)).toBe(false);
  await sink.commit();
  expect(await root.has('x')).toBe(true);
});

test('links out are followed where that is asked for', async () => {
  const { folder, dir, target } = uploads({ followLinks: true });
  folder.put('outside/y', 'y');
  symlinkSync('../outside', join(dir, 'out'));
  expect(await put(target, 'out/x', 'bytes')).toBe('stored');
  expect(readFileSync(join(folder.path, 'outside/x'), 'utf8')).toBe('bytes');
});

test('a folder of uploads that is itself a link', async () => {
  const { folder } = uploads();
  symlinkSync('ROOT', join(folder.path, 'link'));
  writeFileSync(join(folder.path, 'ROOT/old'), '');
  const target = new UploadFolder({ dir: join(folder.path, 'link'), maxBytes: 10, overwrite: false, fileSystem: nodeFileSystem });
  expect(await put(target, 'x', 'x')).toBe('stored');
  expect(tree(join(folder.path, 'ROOT'))).toEqual(['old', 'x']);
});
