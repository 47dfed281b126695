/** Files that are opened at once, and by a thread, are the same files. */
import { renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeFileSystem } from '../../src/content/node-filesystem.ts';
import { temporaryFolder } from './fixture.ts';

describe.each([
  ['at once', async (path: string) => nodeFileSystem.sync!.open(path)],
  ['by a thread', nodeFileSystem.open],
])('a file opened %s', (_how, open) => {
  test('tells what it is, and holds', async () => {
    const path = temporaryFolder().put('x', 'hello');
    const file = await open(path);
    expect(await file.stat()).toEqual(await nodeFileSystem.stat(path));
    const into = new Uint8Array(10);
    expect([await file.read(into, 1), await file.read(into, 5)]).toEqual([4, 0]);
    expect(Buffer.from(into).toString('latin1', 0, 4)).toBe('ello');
    await file.close();
  });

  test('tells where it lies, whatever its name comes to mean', async () => {
    const folder = temporaryFolder();
    const path = folder.put('x', 'old');
    const file = await open(path);
    renameSync(path, join(folder.path, 'moved'));
    folder.put('x', 'young');
    expect(await file.realPath()).toBe(join(folder.path, 'moved'));
    unlinkSync(join(folder.path, 'moved'));
    expect(await file.realPath()).toBe(join(folder.path, 'moved'));
    expect(await file.stat()).toMatchObject({ size: 3, links: 0 });
    await file.close();
  });

  test('is closed once: its number may be another file’s by then, and nothing is asked of that', async () => {
    const folder = temporaryFolder();
    const file = await open(folder.put('x', 'x'));
    const fd = file.fd;
    await file.close();
    const other = await open(folder.put('y', 'y'));
    expect(other.fd).toBe(fd);
    await file.close();
    expect(await other.stat()).toMatchObject({ size: 1 });
    for (const ask of [() => file.stat(), () => file.realPath(), () => file.read(new Uint8Array(1), 0)]) {
      await expect(ask()).rejects.toMatchObject({ code: 'EBADF' });
    }
    await other.close();
  });

  test('is none where there is none', async () => {
    await expect(async () => open(join(temporaryFolder().path, 'absent'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
