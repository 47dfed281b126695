/** What `pxe check` says of the files under a root. */
import { symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { rootFindings } from '../../src/cli/root-findings.ts';
import { systemClock } from '../../src/content/clock.ts';
import { folder } from '../support/lab.ts';

const clock = systemClock;

/** A folder with files of the sizes given; long ones take no room. */
function rootOf(files: Readonly<Record<string, number>>): string {
  const { path, put } = folder();
  for (const [name, bytes] of Object.entries(files)) truncateSync(put(join('R', name), ''), bytes);
  return join(path, 'R');
}

const messages = async (files: Readonly<Record<string, number>>, limits: object = {}) =>
  (await rootFindings(rootOf(files), { clock, ...limits })).map(({ message }) => message);

describe('names that differ in case only', () => {
  test('are told by folder, files and folders alike', async () => {
    expect(await messages({ 'boot/BCD': 1, 'boot/bcd': 1, 'Boot/x': 1, 'other/BCD': 1 })).toEqual([
      'Boot and boot differ in case only: keep one, or clients that mix up case get either',
      'boot/BCD and boot/bcd differ in case only: keep one, or clients that mix up case get either',
    ]);
  });

  test('many of them are counted', async () => {
    const files = Object.fromEntries(
      Array.from(
        { length: 13 },
        (_, n) =>
          [
            [`a${n}`, 1],
            [`A${n}`, 1],
          ] as const,
      ).flat(),
    );
    const told = await messages(files);
    expect(told).toHaveLength(11);
    expect(told.at(-1)).toBe('3 more names differ in case only');
  });
});

describe('files too long for a client whose block numbers do not roll over', () => {
  test.each([
    [33_553_919, undefined],
    [33_553_920, /33553919 bytes in blocks of 512 \(clients that ask for no blksize\): image \(33553920 bytes\)$/],
    [67_107_839, /blocks of 512 /],
    [67_107_840, /67107839 bytes in blocks of 1024 \(Raspberry Pi\)/],
    [96_205_379, /blocks of 1024 /],
    [96_205_380, /96205379 bytes in blocks of 1468 \(UEFI firmware\)/],
  ])('of %i bytes: %s', async (bytes, told) => {
    const found = await messages({ image: bytes, short: 1 });
    expect(found).toHaveLength(told ? 1 : 0);
    if (told) expect(found[0]).toMatch(told);
  });

  test('one warning for each limit', async () => {
    const root = rootOf({ 'a/one': 34_000_000, two: 35_000_000, three: 100_000_000 });
    const found = await rootFindings(root, { clock });
    expect(found.map(({ severity, path }) => [severity, path])).toEqual(Array(2).fill(['warning', ['rootDir']]));
    expect(found[1]?.message).toContain('two (35000000 bytes), a/one (34000000 bytes)');
  });
});

test('links are not followed, a root that is not there is no failure here', async () => {
  const root = rootOf({ 'a/image': 34_000_000 });
  symlinkSync('..', join(root, 'a/loop'));
  symlinkSync('a/image', join(root, 'link'));
  const found = await rootFindings(root, { clock });
  expect(found).toHaveLength(1);
  expect(found[0]?.message).not.toContain('link');
  expect(await rootFindings(join(root, 'nowhere'), { clock })).toEqual([]);
});

test('bounded by number and by time, and says so', async () => {
  const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`file${n}`, 1]));
  expect(await messages(files, { names: 20 })).toEqual([]);
  expect(await messages(files, { names: 10 })).toEqual([
    'only the first 10 files were looked at for length and case: there are too many',
  ]);
  let now = 0;
  const slow = { ...clock, now: () => now++ };
  expect(await messages(files, { clock: slow, ms: 5 })).toEqual([
    'only the first 5 files were looked at for length and case: there are too many',
  ]);
});
