import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AdaptiveLookup } from '../../src/content/adaptive-lookup.ts';
import { isMissing } from '../../src/content/fault.ts';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { systemError, temporaryFolder, threadedFileSystem } from './fixture.ts';

/** A file system whose synchronous calls take as long as the test wants, and say who made them. */
function machine({ local = true }: { readonly local?: boolean | Error } = {}) {
  const at = { now: 0, takesMs: 0, local, asked: 0 };
  const took = (): 'synchronous' => {
    at.now += at.takesMs;
    return 'synchronous';
  };
  const lookup = new AdaptiveLookup(
    {
      ...threadedFileSystem,
      realPath: async () => 'by a thread',
      sync: {
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
  return { at, lookup, look: async () => lookup.realPath('/srv/tftp/x') };
}

describe('lookups', () => {
  test('are made at once, once the folder is known to lie on this machine', async () => {
    const { look } = machine();
    expect([await look(), await look()]).toEqual(['by a thread', 'synchronous']);
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
    expect([await look(), await look(), await look(), await look()]).toEqual([
      'synchronous',
      'synchronous',
      'synchronous',
      'by a thread',
    ]);
    at.takesMs = 0;
    at.now += 4_999;
    expect(await look()).toBe('by a thread');
    at.now += 1;
    expect([await look(), await look()]).toEqual(['synchronous', 'synchronous']);
  });

  test('a slow one now and then, and many fast ones, say nothing', async () => {
    const { at, look } = machine();
    await look();
    for (let round = 0; round < 5; round++) {
      at.takesMs = 15;
      expect(await look()).toBe('synchronous');
      at.takesMs = 2;
      for (let i = 0; i < 20; i++) expect(await look()).toBe('synchronous');
      at.now += 1000;
    }
  });

  test('a folder that turns out to lie elsewhere now is left to threads', async () => {
    const { at, look } = machine();
    await look();
    at.local = false;
    at.now += 9_999;
    expect(await look()).toBe('synchronous');
    at.now += 1;
    expect([await look(), await look()]).toEqual(['synchronous', 'by a thread']);
    expect(at.asked).toBe(2);
  });

  test('a lookup that fails throws at once what a thread would reject with', async () => {
    const { look, lookup } = machine();
    await look();
    expect(() => lookup.stat('/srv/tftp/y')).toThrow(expect.objectContaining({ code: 'EACCES' }));
  });

  test.each(['missing', 'file/below', 'dangling'])('%s: nothing is there, at once and by a thread', async (name) => {
    const folder = temporaryFolder();
    folder.put('file', 'x');
    symlinkSync('missing', join(folder.path, 'dangling'));
    expect(nodeFileSystem.sync!.stat(join(folder.path, name))).toBeUndefined();
    await expect(nodeFileSystem.stat(join(folder.path, name))).rejects.toSatisfy(isMissing);
  });
});

test.runIf(process.platform === 'linux')('memory is local, and what the kernel makes up is not', async () => {
  const { isLocal } = nodeFileSystem.sync!;
  expect([await isLocal('/dev/shm'), await isLocal('/proc')]).toEqual([true, false]);
  await expect(isLocal('/no/such/folder')).rejects.toThrow('ENOENT');
});
