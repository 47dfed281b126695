import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isMissing } from '../../src/content/fault.ts';
import { Looks } from '../../src/content/looks.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { systemError, temporaryFolder, threadedFileSystem } from './fixture.ts';

/** A file system whose looks at once take as long as the test wants, and say who has looked. */
function machine({ local = true }: { readonly local?: boolean | Error } = {}) {
  const at = { now: 0, takesMs: 0, local, asked: 0 };
  const took = (): 'at once' => {
    at.now += at.takesMs;
    return 'at once';
  };
  const looks = new Looks(
    {
      ...threadedFileSystem,
      realPath: async () => 'by a thread',
      atOnce: {
        realPath: took,
        stat: () => {
          took();
          throw systemError('EACCES');
        },
        open: () => {
          throw new Error('nothing is opened here');
        },
        isLocal: async () => {
          at.asked++;
          if (at.local instanceof Error) throw at.local;
          return at.local;
        },
      },
    },
    '/srv/tftp',
    { now: () => at.now, wallTime: () => 0, setTimeout: () => () => {} },
  );
  return { at, looks, look: async () => looks.realPath('/srv/tftp/x') };
}

describe('looks', () => {
  test('are made at once, once the folder is known to lie on this machine', async () => {
    const { look } = machine();
    expect([await look(), await look()]).toEqual(['by a thread', 'at once']);
  });

  test.each([
    false,
    systemError('ENOENT'),
  ])('are left to threads where it does not, or where that cannot be told: %s', async (local) => {
    const { look } = machine({ local });
    expect([await look(), await look(), await look()]).toEqual(['by a thread', 'by a thread', 'by a thread']);
  });

  test('when slow ones have taken 20 ms of a second, threads look for a while', async () => {
    const { at, look } = machine();
    await look();
    at.takesMs = 9;
    expect([await look(), await look(), await look(), await look()]).toEqual(['at once', 'at once', 'at once', 'by a thread']);
    at.takesMs = 0;
    at.now += 4_999;
    expect(await look()).toBe('by a thread');
    at.now += 1;
    expect([await look(), await look()]).toEqual(['at once', 'at once']);
  });

  test('a slow one now and then, and many fast ones, say nothing', async () => {
    const { at, look } = machine();
    await look();
    for (let round = 0; round < 5; round++) {
      at.takesMs = 15;
      expect(await look()).toBe('at once');
      at.takesMs = 2;
      for (let i = 0; i < 20; i++) expect(await look()).toBe('at once');
      at.now += 1000;
    }
  });

  test('a folder that turns out to lie elsewhere now is left to threads', async () => {
    const { at, look } = machine();
    await look();
    at.local = false;
    at.now += 9_999;
    expect(await look()).toBe('at once');
    at.now += 1;
    expect([await look(), await look()]).toEqual(['at once', 'by a thread']);
    expect(at.asked).toBe(2);
  });

  test('a look that fails throws at once what a thread would reject with', async () => {
    const { look, looks } = machine();
    await look();
    expect(() => looks.stat('/srv/tftp/y')).toThrow(expect.objectContaining({ code: 'EACCES' }));
  });

  test.each(['missing', 'file/below', 'dangling'])('%s: nothing is there, at once and by a thread', async (name) => {
    const folder = temporaryFolder();
    folder.put('file', 'x');
    symlinkSync('missing', join(folder.path, 'dangling'));
    expect(nodeFileSystem.atOnce!.stat(join(folder.path, name))).toBeUndefined();
    await expect(nodeFileSystem.stat(join(folder.path, name))).rejects.toSatisfy(isMissing);
  });
});

test.runIf(process.platform === 'linux')('memory is local, and what the kernel makes up is not', async () => {
  const { isLocal } = nodeFileSystem.atOnce!;
  expect([await isLocal('/dev/shm'), await isLocal('/proc')]).toEqual([true, false]);
  await expect(isLocal('/no/such/folder')).rejects.toThrow('ENOENT');
});
