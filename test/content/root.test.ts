import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SegmentCache } from '../../src/content/cache.ts';
import type { FileSystem } from '../../src/content/filesystem.ts';
import type { HeldFile } from '../../src/content/held-file.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { Root, type RootOptions } from '../../src/content/root.ts';
import { gate } from '../kit/lab.ts';
import { all, type Folder, outcome, systemError, temporaryFolder, text, threadedFileSystem, tick, watched } from './fixture.ts';

const posix = process.platform !== 'win32';

/** No waiting for files to settle: these tests make them just before. */
function rootAt(path: string, options: Partial<RootOptions> = {}): Root {
  return new Root(path, { fileSystem: options.fileSystem ?? watched(), stableMs: 0, ...options });
}

/** What a client gets: the text of the file, `undefined`, or an error. */
async function get(root: Root, name: string): Promise<string | undefined> {
  return outcome(root.open(name).then((file) => file && text(file)));
}

/** A folder with everything in it that a client must not get. */
function hostileTree(): Folder {
  const folder = temporaryFolder();
  folder.put('secret', 'SECRET');
  folder.put('outside/x', 'SECRET');
  folder.put('ROOT-secret/x', 'SECRET');
  folder.put('ROOT/boot/x', 'inside');
  folder.put('ROOT/Boot.CFG', 'config');
  folder.put('ROOT/big', new Uint8Array(200_000));
  folder.put('ROOT/.pxe-upload-1', 'unfinished');
  folder.put('ROOT/%2e%2e', 'percent');
  const link = (target: string, name: string) => symlinkSync(target, join(folder.path, 'ROOT', name));
  link('../secret', 'link-out');
  link(join(folder.path, 'secret'), 'link-out-absolute');
  link('../outside', 'folder-out');
  link('../ROOT-secret', 'sibling');
  link('..', 'parent');
  link('.', 'self');
  link('boot/x', 'link-in');
  link('boot', 'folder-in');
  link('link-in', 'link-chain');
  link('loop', 'loop');
  link('nowhere', 'dangling');
  link('/dev/zero', 'device');
  if (posix) execFileSync('mkfifo', [join(folder.path, 'ROOT', 'fifo')]);
  return folder;
}

describe.runIf(posix)('confinement', () => {
  test.each<[name: string, expected: string | undefined]>([
    ['boot/x', 'inside'],
    ['/boot//x', 'inside'],
    ['\\boot\\x\u00ff', 'inside'],
    ['link-in', 'inside'],
    ['link-chain', 'inside'],
    ['folder-in/x', 'inside'],
    ['self/self/boot/x', 'inside'],
    ['%2e%2e', 'percent'],
    ['../secret', 'ERROR 2 access violation'],
    ['..\\secret', 'ERROR 2 access violation'],
    ['a/../../secret', 'ERROR 2 access violation'],
    ['boot/../boot/x', 'ERROR 2 access violation'],
    ['../ROOT-secret/x', 'ERROR 2 access violation'],
    ['ROOT-secret/x', undefined],
    ['//secret', undefined],
    ['%2e%2e/secret', undefined],
    ['..%2fsecret', undefined],
    ['\u00c0\u00ae\u00c0\u00ae/secret', undefined],
    ['link-out', 'ERROR 2 access violation'],
    ['link-out-absolute', 'ERROR 2 access violation'],
    ['folder-out/x', 'ERROR 2 access violation'],
    ['folder-out', 'ERROR 2 access violation'],
    ['sibling/x', 'ERROR 2 access violation'],
    ['parent/secret', 'ERROR 2 access violation'],
    ['parent/ROOT/boot/x', 'inside'],
    ['device', 'ERROR 2 access violation'],
    ['fifo', 'ERROR 2 access violation'],
    ['.', undefined],
    ['', undefined],
    [' ', undefined],
    ['boot', undefined],
    ['self', undefined],
    ['boot/x/y', undefined],
    ['loop', undefined],
    ['dangling', undefined],
    ['boot.cfg', undefined],
    ['CON', undefined],
    ['x::$DATA', undefined],
    ['C:x', undefined],
    ['a'.repeat(300), undefined],
    ['a/'.repeat(2000), undefined],
    [`${'a'.repeat(250)}/`.repeat(16), undefined],
    ['boot/x\0/../../../secret', 'ERROR 2 access violation'],
    ['boot\0/x', undefined],
    ['.pxe-upload-1', undefined],
    ['.PXE-upload-1', undefined],
  ])('$0: $1', async (name, expected) => {
    const fileSystem = watched();
    const root = rootAt(join(hostileTree().path, 'ROOT'), { fileSystem });
    expect(await get(root, name)).toBe(expected);
    const servable = expected !== undefined && !expected.startsWith('ERROR');
    // What is not served is not even opened: opening a device can do things.
    if (!servable) expect(fileSystem.opened).toEqual([]);
    expect(await root.has(name)).toBe(servable);
    // The same again, now that the cache is warm.
    expect(await get(root, name)).toBe(expected);
  });

  test('a socket is refused', async () => {
    const folder = temporaryFolder();
    const server = createServer().listen(join(folder.path, 'ROOT', 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => void server.close());
    expect(await get(rootAt(join(folder.path, 'ROOT')), 'socket')).toBe('ERROR 2 access violation');
  });

  test('links out are followed where that is asked for, devices never', async () => {
    const root = rootAt(join(hostileTree().path, 'ROOT'), { followLinks: true });
    expect(await get(root, 'link-out')).toBe('SECRET');
    expect(await get(root, 'folder-out/x')).toBe('SECRET');
    expect(await get(root, 'device')).toBe('ERROR 2 access violation');
    expect(await get(root, '../secret')).toBe('ERROR 2 access violation');
    const file = await root.open('folder-out/x');
    expect(file?.name).toBe('folder-out/x');
    await file?.close();
  });

  test.each(['small', 'big'])('a link put in the place of a %s file just before it is opened gains nothing', async (name) => {
    const folder = temporaryFolder();
    const path = folder.put(`ROOT/d/${name}`, name === 'small' ? 'inside' : new Uint8Array(100_000));
    folder.put(`outside/${name}`, name === 'small' ? 'SECRET' : new Uint8Array(100_000).fill(1));
    const swapFile = watched({
      open(at) {
        unlinkSync(path);
        symlinkSync(`../../outside/${name}`, path);
        return nodeFileSystem.open(at);
      },
    });
    expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem: swapFile }), `d/${name}`)).toBe('ERROR 2 access violation');
    expect(swapFile.opened).toHaveLength(1);

    unlinkSync(path);
    folder.put(`ROOT/d/${name}`, 'inside');
    const swapFolder = watched({
      open(at) {
        renameSync(join(folder.path, 'ROOT/d'), join(folder.path, 'ROOT/e'));
        symlinkSync('../outside', join(folder.path, 'ROOT/d'));
        return nodeFileSystem.open(at);
      },
    });
    expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem: swapFolder }), `d/${name}`)).toBe(
      'ERROR 2 access violation',
    );
    expect(swapFolder.opened).toHaveLength(1);
  });

  test('a FIFO or device put there just before it is opened neither blocks nor is served', async () => {
    const folder = temporaryFolder();
    const path = folder.put('ROOT/x', 'inside');
    const fileSystem = watched({
      open(at) {
        unlinkSync(path);
        execFileSync('mkfifo', [path]);
        return nodeFileSystem.open(at);
      },
    });
    expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem }), 'x')).toBe('ERROR 2 access violation');
  });

  test('a folder moved out takes its files along, cached or not', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/d/x', 'inside');
    const root = rootAt(join(folder.path, 'ROOT'));
    expect(await get(root, 'd/x')).toBe('inside');
    renameSync(join(folder.path, 'ROOT/d'), join(folder.path, 'moved'));
    symlinkSync('../moved', join(folder.path, 'ROOT/d'));
    expect(await get(root, 'd/x')).toBe('ERROR 2 access violation');
  });

  test('bytes cached through one folder are not served through another by a swapped name', async () => {
    const folder = temporaryFolder();
    const outside = folder.put('outside/x', 'SECRET');
    const inside = folder.put('ROOT/x', 'inside');
    const cache = new SegmentCache({ maxBytes: 1e6 });
    expect(await get(rootAt(join(folder.path, 'outside'), { cache }), 'x')).toBe('SECRET');
    // The path resolves to the file within, yet the look at the file sees the one outside.
    const lying: FileSystem = { ...threadedFileSystem, stat: (path) => nodeFileSystem.stat(path === inside ? outside : path) };
    expect(await get(rootAt(join(folder.path, 'ROOT'), { cache, fileSystem: lying }), 'x')).toBe('inside');
  });

  test('the root may be a link that is switched to the next release', async () => {
    const folder = temporaryFolder();
    folder.put('releases/1/x', 'one');
    folder.put('releases/2/x', 'two');
    const current = join(folder.path, 'current');
    symlinkSync('releases/1', current);
    const root = rootAt(current);
    expect(await get(root, 'x')).toBe('one');
    symlinkSync('releases/2', join(folder.path, 'next'));
    renameSync(join(folder.path, 'next'), current);
    expect(await get(root, 'x')).toBe('two');
  });
});

test('a root that has vanished is no missing file', async () => {
  const folder = temporaryFolder();
  folder.put('ROOT/x', 'x');
  const root = rootAt(join(folder.path, 'ROOT'));
  rmSync(join(folder.path, 'ROOT'), { recursive: true });
  expect(await get(root, 'x')).toBe('ERROR 0 cannot read file');
  await expect(root.has('x')).rejects.toThrow('cannot read file');
  folder.put('ROOT/x', 'again');
  expect(await get(root, 'x')).toBe('again');
});

describe('errors of the file system', () => {
  test.each<[code: string, expected: string | undefined]>([
    ['ENOENT', undefined],
    ['ENOTDIR', undefined],
    ['EISDIR', undefined],
    ['ENAMETOOLONG', undefined],
    ['ELOOP', undefined],
    ['EACCES', 'ERROR 2 access violation'],
    ['EPERM', 'ERROR 2 access violation'],
    ['EMFILE', 'ERROR 0 cannot read file'],
    ['ENFILE', 'ERROR 0 cannot read file'],
    ['EIO', 'ERROR 0 cannot read file'],
    ['ESTALE', 'ERROR 0 cannot read file'],
  ])('%s is %j, from whatever call it comes', async (code, expected) => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'x');
    const fail = () => Promise.reject(systemError(code));
    const failSync = () => {
      throw systemError(code);
    };
    const sync = { ...nodeFileSystem.sync!, isLocal: async () => true };
    for (const overrides of [
      { open: fail },
      { stat: fail },
      { stat: fail, sync: { ...sync, stat: failSync } },
      { open: fail, sync: { ...sync, open: failSync } },
    ]) {
      expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem: watched(overrides) }), 'x')).toBe(expected);
    }
  });

  test('the cause is kept for the log, and no text holds a path', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'x');
    const cause = systemError('EIO');
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem: watched({ open: () => Promise.reject(cause) }) });
    await expect(root.open('x')).rejects.toMatchObject({ message: 'cannot read file', cause });
    // Not "no": a search must not go on to another file because descriptors ran out.
    await expect(root.has('x')).rejects.toThrow('cannot read file');
  });

  test('a file that cannot be read is closed', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'x');
    let closed = 0;
    const open = async (path: string) => {
      const file = await nodeFileSystem.open(path);
      return {
        fd: file.fd,
        stat: () => file.stat(),
        realPath: () => file.realPath(),
        read: () => Promise.reject(systemError('EIO')),
        close() {
          closed++;
          return file.close();
        },
      };
    };
    expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem: watched({ open }) }), 'x')).toBe('ERROR 0 cannot read file');
    expect(closed).toBe(1);
  });
});

describe.runIf(process.platform === 'linux')('upper and lower case', () => {
  function tree(): string {
    const folder = temporaryFolder();
    folder.put('ROOT/Boot/BCD', 'BCD');
    folder.put('ROOT/two', 'two');
    folder.put('ROOT/Two', 'Two');
    folder.put('ROOT/TWO', 'TWO');
    folder.put('ROOT/Dir/other', 'other');
    folder.put('ROOT/dir/FILE', 'FILE');
    folder.put('outside/X', 'SECRET');
    symlinkSync('../outside', join(folder.path, 'ROOT/Out'));
    return join(folder.path, 'ROOT');
  }

  test.each<[name: string, expected: string | undefined]>([
    ['Boot/BCD', 'BCD'],
    ['boot/bcd', 'BCD'],
    ['\\BOOT\\Bcd', 'BCD'],
    ['two', 'two'],
    ['Two', 'Two'],
    ['TWO', 'TWO'],
    ['tWo', 'TWO'],
    // The exact folder wins, even over one that comes first and could have served.
    ['dir/file', 'FILE'],
    ['dir/other', undefined],
    ['DIR/OTHER', 'other'],
    ['three', undefined],
    ['boot', undefined],
    ['boot/bcd/x', undefined],
    ['out/x', 'ERROR 2 access violation'],
    ['OUT/../x', 'ERROR 2 access violation'],
  ])('%s is %s', async (name, expected) => {
    const fileSystem = watched();
    expect(await get(rootAt(tree(), { caseInsensitive: true, fileSystem }), name)).toBe(expected);
    // One directory for each component at most.
    expect(fileSystem.calls.list ?? 0).toBeLessThanOrEqual(name.split(/[/\\]/).length);
  });

  test('the answer does not depend on the order of a directory', async () => {
    const names = ['two', 'TWO', 'Two'];
    for (let turn = 0; turn < names.length; turn++) {
      names.push(names.shift()!);
      const fileSystem = watched({ list: async () => [...names] });
      expect(await get(rootAt(tree(), { caseInsensitive: true, fileSystem }), 'tWo')).toBe('TWO');
    }
  });

  test('a name is told as it is spelt, whatever the folder is set to', async () => {
    const root = rootAt(tree());
    expect(await root.spelling('boot/bcd')).toBe('Boot/BCD');
    expect(await root.spelling('\\Boot\\BCD')).toBe('Boot/BCD');
    for (const name of ['boot/none', 'boot', '../x', 'OUT/x']) expect(await root.spelling(name), name).toBeUndefined();
  });

  test('is told apart unless asked otherwise', async () => {
    expect(await get(rootAt(tree()), 'boot/bcd')).toBeUndefined();
  });

  test('the exact name costs no search', async () => {
    const fileSystem = watched();
    expect(await get(rootAt(tree(), { caseInsensitive: true, fileSystem }), 'Boot/BCD')).toBe('BCD');
    expect(fileSystem.calls.list).toBeUndefined();
  });
});

test('a file tells under which name it was found', async () => {
  const folder = temporaryFolder();
  folder.put('ROOT/releases/2/Kernel', new Uint8Array(100_000));
  folder.put('ROOT/releases/2/small', 'x');
  symlinkSync('releases/2', join(folder.path, 'ROOT/current'));
  const root = rootAt(join(folder.path, 'ROOT'), { caseInsensitive: true });
  for (const [asked, name] of [
    ['/current//kernel', 'releases/2/Kernel'],
    ['current/small', 'releases/2/small'],
    ['current/small', 'releases/2/small'],
  ] as const) {
    const file = await root.open(asked);
    expect(file?.name).toBe(name);
    await file?.close();
  }
});

describe('what opening costs', () => {
  test('a small file is read once, and from then on not even opened', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'small');
    const fileSystem = watched();
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem });
    for (let i = 0; i < 5; i++) expect(await get(root, 'x')).toBe('small');
    expect(await root.has('x')).toBe(true);
    expect(fileSystem.calls).toMatchObject({ open: 1, read: 1 });
  });

  test('a small file that many ask for while it is being read is opened once', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'small');
    const slow = gate();
    const fileSystem = watched({ open: (path) => slow.passed.then(() => nodeFileSystem.open(path)) });
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem });
    const got: Promise<string | undefined>[] = [];
    for (let i = 0; i < 100; i++) {
      got.push(get(root, 'x'));
      if (i % 10 === 0) await tick();
    }
    slow.open();
    expect(await Promise.all(got)).toEqual(new Array(100).fill('small'));
    expect(fileSystem.calls).toMatchObject({ open: 1, read: 1 });
    expect(await get(root, 'x')).toBe('small');
  });

  test('if that fails, it is for the one who asked first: the others try for themselves', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'small');
    const slow = gate();
    let opened = 0;
    const open = async (path: string) => {
      const first = opened++ === 0;
      await slow.passed;
      if (first) throw systemError('EMFILE');
      return nodeFileSystem.open(path);
    };
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem: watched({ open }) });
    const got = [get(root, 'x')];
    await tick();
    got.push(get(root, 'x'), get(root, 'x'));
    await tick();
    slow.open();
    expect(await Promise.all(got)).toEqual(['ERROR 0 cannot read file', 'small', 'small']);
  });

  test('one that has changed since is not taken for the one being read', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'old');
    const slow = gate();
    let opened = 0;
    const open = async (path: string) => {
      const file = nodeFileSystem.open(path);
      if (opened++ === 0) await slow.passed;
      return file;
    };
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem: watched({ open }), stableMs: 0 });
    const before = get(root, 'x');
    await tick();
    folder.put('ROOT/y', 'young');
    renameSync(join(folder.path, 'ROOT/y'), join(folder.path, 'ROOT/x'));
    expect(await get(root, 'x')).toBe('young');
    slow.open();
    expect(await before).toBe('old');
  });

  test('a small file that was forgotten is read again in the same version, or not at all', async () => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', 'small');
    const fileSystem = watched();
    const cache = new SegmentCache({ maxBytes: 0 });
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem, cache, stableMs: 0 });
    const file = (await root.open('x')) as HeldFile;
    file.forget();
    expect(Buffer.from(await file.read(0, 100)).toString()).toBe('small');
    folder.put('ROOT/y', 'other');
    renameSync(join(folder.path, 'ROOT/y'), join(folder.path, 'ROOT/x'));
    await expect(file.read(0, 100)).rejects.toThrow('file changed during transfer');
    expect(fileSystem.openFiles).toBe(0);
  });

  test.each([
    ['is taken as a copy, which others cannot touch', (file: HeldFile) => expect(file.take()!.at(-1)).toBe(7), 0],
    ['is closed', (file: HeldFile) => file.close(), 0],
    ['is given to a caller', (file: HeldFile) => void file.read(0, 1), 5000],
  ])('the memory of a small file that the cache does not keep goes, unless a caller has it: it %s', async (_how, use, left) => {
    const folder = temporaryFolder();
    folder.put('ROOT/x', new Uint8Array(5000).fill(7));
    const memory: Uint8Array[] = [];
    const allocate = (length: number) => {
      memory.push(new Uint8Array(length));
      return memory.at(-1)!;
    };
    const root = rootAt(join(folder.path, 'ROOT'), { cache: new SegmentCache({ maxBytes: 0, allocate }), stableMs: 0 });
    const file = (await root.open('x')) as HeldFile;
    use(file);
    file.close();
    expect(memory.map(({ length }) => length)).toEqual([left]);
  });

  test('a small file keeps no descriptor open, and its bytes whatever becomes of it', async () => {
    const folder = temporaryFolder();
    const path = folder.put('ROOT/x', 'small');
    const fileSystem = watched();
    const file = await rootAt(join(folder.path, 'ROOT'), { fileSystem }).open('x');
    expect(fileSystem.openFiles).toBe(0);
    unlinkSync(path);
    expect(await text(file!)).toBe('small');
  });

  test('a hundred machines that boot one large file read each of its segments once', async () => {
    const folder = temporaryFolder();
    const bytes = Buffer.alloc(5 * 65536 + 100, 'abc');
    folder.put('ROOT/initrd', bytes);
    const fileSystem = watched();
    const root = rootAt(join(folder.path, 'ROOT'), { fileSystem });
    const files = await Promise.all(Array.from({ length: 100 }, () => root.open('initrd')));
    for (const got of await Promise.all(files.map((file) => all(file!)))) expect(bytes.equals(got)).toBe(true);
    expect(fileSystem.calls.read).toBe(6);
  });

  test.each([0, 1, 65535, 65536, 65537, 131072])('a file of %d bytes comes whole', async (size) => {
    const folder = temporaryFolder();
    const bytes = Buffer.alloc(size, 'abcdefg');
    folder.put('ROOT/x', bytes);
    const root = rootAt(join(folder.path, 'ROOT'));
    for (const length of [65536, 1468, 100_000]) {
      const file = await root.open('x');
      expect(file?.size).toBe(size);
      expect(bytes.equals(await all(file!, length))).toBe(true);
    }
  });
});

test('a change is seen by the very next request, cached or not', async () => {
  const folder = temporaryFolder();
  const root = rootAt(join(folder.path, 'ROOT'));
  for (const content of ['one', 'two', 'six']) {
    folder.put('ROOT/x', content);
    expect(await get(root, 'x')).toBe(content);
    await tick();
  }
});

describe('a file that is being written', () => {
  /** A clock on which sleeping takes no time, and may do something. */
  function simulated(startMs: number, during: (sleptMs: number) => void = () => {}) {
    const clock = {
      ms: startMs,
      slept: [] as number[],
      now: () => clock.ms,
      wallTime: () => clock.ms,
      setTimeout(run: () => void, ms: number) {
        clock.ms += ms;
        clock.slept.push(ms);
        void tick().then(() => {
          during(clock.ms - startMs);
          run();
        });
        return () => {};
      },
    };
    return clock;
  }

  async function ctimeOf(path: string): Promise<number> {
    return Number((await nodeFileSystem.stat(path)).ctime / 1_000_000n);
  }

  function settling(folder: Folder, clock: ReturnType<typeof simulated>, options: Partial<RootOptions> = {}): Root {
    return rootAt(join(folder.path, 'ROOT'), { stableMs: 100, stableWaitMs: 500, clock, ...options });
  }

  test('a settled file is served at once, a young one as soon as it has settled', async () => {
    const folder = temporaryFolder();
    const ctime = await ctimeOf(folder.put('ROOT/x', 'x'));
    for (const [ageMs, slept] of [
      [100, []],
      [5000, []],
      [99, [1]],
      [0, [100]],
      // A clock that was set back, or a file server's ahead of ours: watched, not reckoned.
      [-60_000, [100]],
    ] as const) {
      const clock = simulated(ctime + ageMs);
      expect(await get(settling(folder, clock), 'x')).toBe('x');
      expect(clock.slept).toEqual(slept);
    }
  });

  test('what is written meanwhile is served, whole', async () => {
    const folder = temporaryFolder();
    const ctime = await ctimeOf(folder.put('ROOT/x', 'ha'));
    const clock = simulated(ctime, (sleptMs) => {
      if (sleptMs <= 100) folder.put('ROOT/x', 'half and the rest');
    });
    expect(await get(settling(folder, clock), 'x')).toBe('half and the rest');
    expect(clock.slept).toHaveLength(2);
  });

  test('a file that never settles is refused when the time is up', async () => {
    const folder = temporaryFolder();
    const ctime = await ctimeOf(folder.put('ROOT/x', '0'));
    const clock = simulated(ctime, (sleptMs) => folder.put('ROOT/x', String(sleptMs)));
    expect(await get(settling(folder, clock), 'x')).toBe('ERROR 0 file is being written');
    expect(clock.slept.reduce((sum, ms) => sum + ms)).toBe(500);
  });

  test('one that is replaced over and over is served: each version is whole', async () => {
    const folder = temporaryFolder();
    const ctime = await ctimeOf(folder.put('ROOT/x', 'version 0'));
    const clock = simulated(ctime, (sleptMs) => renameSync(folder.put('new', `version ${sleptMs}`), join(folder.path, 'ROOT/x')));
    expect(await get(settling(folder, clock), 'x')).toMatch(/^version \d+$/);
  });

  test('a file that changes while it is opened is read again', async () => {
    const folder = temporaryFolder();
    const path = folder.put('ROOT/x', 'before');
    await tick();
    let reads = 0;
    const open = async (at: string) => {
      const file = await nodeFileSystem.open(at);
      return {
        fd: file.fd,
        stat: () => file.stat(),
        realPath: () => file.realPath(),
        close: () => file.close(),
        async read(into: Uint8Array, position: number) {
          const count = await file.read(into, position);
          if (reads++ === 0) folder.put('ROOT/x', 'after!');
          return count;
        },
      };
    };
    const clock = simulated((await ctimeOf(path)) + 10_000);
    expect(await get(settling(folder, clock, { fileSystem: watched({ open }) }), 'x')).toBe('after!');
    expect(reads).toBe(2);
  });

  test('what is written meanwhile is served, whole: a large file', async () => {
    const folder = temporaryFolder();
    const ctime = await ctimeOf(folder.put('ROOT/x', Buffer.alloc(100_000, 'a')));
    const clock = simulated(ctime, (sleptMs) => {
      if (sleptMs <= 100) folder.put('ROOT/x', Buffer.alloc(150_000, 'b'));
    });
    expect(await get(settling(folder, clock), 'x')).toBe('b'.repeat(150_000));
  });

  test('one that seems settled and changes at every read is given up in the same time', async () => {
    const folder = temporaryFolder();
    const path = folder.put('ROOT/x', 'x');
    let reads = 0;
    const open = async (at: string) => {
      const file = await nodeFileSystem.open(at);
      return {
        fd: file.fd,
        stat: () => file.stat(),
        realPath: () => file.realPath(),
        close: () => file.close(),
        async read(into: Uint8Array, position: number) {
          folder.put('ROOT/x', String(reads++));
          return file.read(into, position);
        },
      };
    };
    // The file server's clock is ten seconds behind ours: nothing ever looks young.
    const clock = simulated((await ctimeOf(path)) + 10_000);
    expect(await get(settling(folder, clock, { fileSystem: watched({ open }) }), 'x')).toBe('ERROR 0 file is being written');
    expect(reads).toBe(6);
    expect(clock.slept).toEqual([100, 100, 100, 100, 100]);
  });

  test('nothing is waited for where that is turned off', async () => {
    const folder = temporaryFolder();
    const clock = simulated(await ctimeOf(folder.put('ROOT/x', 'x')));
    expect(await get(settling(folder, clock, { stableWaitMs: 0 }), 'x')).toBe('x');
    expect(await get(settling(folder, clock, { stableMs: 0 }), 'x')).toBe('x');
    expect(clock.slept).toEqual([]);
  });
});

test('a directory in place of the file by the time it is opened', async () => {
  const folder = temporaryFolder();
  const path = folder.put('ROOT/x', 'x');
  const fileSystem = watched({
    open(at) {
      unlinkSync(path);
      mkdirSync(path);
      return nodeFileSystem.open(at);
    },
  });
  expect(await get(rootAt(join(folder.path, 'ROOT'), { fileSystem }), 'x')).toBe('ERROR 2 access violation');
});
