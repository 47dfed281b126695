/** What `pxe check` says of the files under a root. */
import { symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { rootFindings } from '../../src/cli/root-findings.ts';
import { folder } from '../kit/lab.ts';

const clock = systemClock;

/** A folder with files of the sizes given; long ones take no room. */
function rootOf(files: Readonly<Record<string, number>>): string {
  const { path, put } = folder();
  for (const [name, bytes] of Object.entries(files)) truncateSync(put(join('R', name), ''), bytes);
  return join(path, 'R');
}

const messages = async (files: Readonly<Record<string, number>>, limits: object = {}) =>
  (await rootFindings(rootOf(files), { clock, ...limits })).map(({ message }) => message);

describe('names that differ only in case', () => {
  test('are told by folder, files and folders alike', async () => {
    expect(await messages({ 'boot/BCD': 1, 'boot/bcd': 1, 'Boot/x': 1, 'other/BCD': 1 })).toEqual([
      'Boot and boot differ only in case: keep one, or clients that mix up case may get either',
      'boot/BCD and boot/bcd differ only in case: keep one, or clients that mix up case may get either',
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
    expect(told.at(-1)).toBe('3 more names differ only in case');
  });
});

describe('files too large for a client whose block numbers do not roll over', () => {
  test.each([
    [33_553_919, undefined],
    [33_553_920, /33553919 bytes in blocks of 512 \(clients that do not ask for blksize\): image \(33553920 bytes\)$/],
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
    'only the first 10 files were checked for size and case: there are too many',
  ]);
  let now = 0;
  const slow = { ...clock, now: () => now++ };
  expect(await messages(files, { clock: slow, ms: 5 })).toEqual([
    'only the first 5 files were checked for size and case: there are too many',
  ]);
});

describe('links', () => {
  const linked = async (options: object = {}) => {
    const { path, put } = folder();
    put('R/os/vmlinuz', 'k');
    put('outside/start4.elf', 'e');
    const links = { inside: 'os', self: '.', out: '../outside', gone: '/nowhere/vmlinuz', loop: 'loop', 'os/above': '..' };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(path, 'R', name));
    return (await rootFindings(join(path, 'R'), { clock, ...options })).map(({ message }) => message);
  };
  const broken = 'broken links: gone -> /nowhere/vmlinuz, loop -> loop';

  test('that lead nowhere or out of the root are told; those within are not', async () => {
    expect(await linked()).toEqual([
      broken,
      'links that lead out of the root are refused (ERROR 2) without followLinks: out -> ../outside',
    ]);
  });

  test('with followLinks only broken ones', async () => {
    expect(await linked({ followLinks: true })).toEqual([broken]);
  });
});

describe('names of boot loaders in the wrong case', () => {
  const name = (files: readonly string[], options = {}) => messages(Object.fromEntries(files.map((file) => [file, 1])), options);

  test.each([
    ['pxelinux.cfg/01-52-54-00-AB-CD-EF', 'pxelinux.cfg/01-52-54-00-ab-cd-ef'],
    ['bios/pxelinux.cfg/0a4d0001', 'bios/pxelinux.cfg/0A4D0001'],
    ['pxelinux.cfg/00112233-4455-6677-8899-AABBCCDDEEFF', 'pxelinux.cfg/00112233-4455-6677-8899-aabbccddeeff'],
    ['grub/grub.cfg-01-52-54-00-AB-CD-EF', 'grub/grub.cfg-01-52-54-00-ab-cd-ef'],
    ['grub/grub.cfg-0a4d0001', 'grub/grub.cfg-0A4D0001'],
  ])('%s', async (written, asked) => {
    expect(await name([written])).toEqual([`${written} is never requested: boot loaders spell it ${asked}`]);
    expect(await name([asked])).toEqual([]);
    expect(await name([written], { caseInsensitive: true })).toEqual([]);
  });

  test.each([
    'pxelinux.cfg/default',
    'DEADBEEF',
    'os/AB-CD',
    'pxelinux.cfg/0A4D',
    'grub/ABCDEF',
  ])('%s is nothing of the kind', async (file) => {
    expect(await name([file])).toEqual([]);
  });
});
