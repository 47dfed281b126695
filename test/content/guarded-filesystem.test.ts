import { expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { Disks } from '../../src/content/disks.ts';
import type { FileSystem, OpenFile } from '../../src/content/filesystem.ts';
import { outcome, threadedFileSystem } from './fixture.ts';

const SILENT = 'ERROR 0 file system does not answer';

/** A file system whose open and read hang until they are let go. */
function machine() {
  const log: string[] = [];
  const gates = { open: Promise.withResolvers<void>(), read: Promise.withResolvers<void>() };
  const file: OpenFile = {
    fd: undefined,
    stat: () => Promise.reject(new Error('not asked')),
    realPath: () => Promise.reject(new Error('not asked')),
    read: async () => {
      await gates.read.promise;
      log.push('read');
      return 0;
    },
    close: async () => void log.push('closed'),
  };
  const fileSystem: FileSystem = {
    ...threadedFileSystem,
    open: async () => {
      await gates.open.promise;
      return file;
    },
  };
  const disks = new Disks({
    fileSystem,
    clock: systemClock,
    onHung: (folder, path) => log.push(`hung ${path} of ${folder}`),
    onRecovered: (folder) => log.push(`recovered ${folder}`),
  });
  return { log, gates, disk: () => disks.folder('/srv', { callMs: 20, transferMs: 20 }) };
}

test('a file that is opened too late is closed', async () => {
  const { log, gates, disk } = machine();
  await expect(outcome(disk().open('/srv/x'))).resolves.toBe(SILENT);
  gates.open.resolve();
  await expect.poll(() => log).toContain('closed');
  expect(log).toContain('hung /srv/x of /srv');
  expect(log).toContain('recovered /srv');
});

test('a file is closed after the read that hangs, and closing it waits for nothing', async () => {
  const { log, gates, disk } = machine();
  gates.open.resolve();
  const file = await disk().open('/srv/x');
  await expect(outcome(file.read(new Uint8Array(1), 0))).resolves.toBe(SILENT);
  await file.close();
  expect(log).not.toContain('closed');
  gates.read.resolve();
  await expect.poll(() => log.filter((line) => line === 'read' || line === 'closed')).toEqual(['read', 'closed']);
});

test('what hangs under one generation hangs under the next', async () => {
  const { log, gates, disk } = machine();
  await expect(outcome(disk().open('/srv/x'))).resolves.toBe(SILENT);
  await expect(outcome(disk().open('/srv/x'))).resolves.toBe(SILENT);
  expect(log).toEqual(['hung /srv/x of /srv']);
  gates.open.resolve();
});
