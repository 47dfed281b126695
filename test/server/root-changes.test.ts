/**
 * Files and folders below the root that change under transfers, as they do whether or not a reload comes of it.
 */
import { renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { folder, lab } from '../kit/lab.ts';
import { letterConfig, STATE_BYTES } from '../kit/letter-config.ts';
import { seeded } from '../kit/random.ts';
import { reloadingLab } from '../kit/reloading.ts';
import { slowRead } from '../kit/slow-read.ts';
import { get } from '../kit/tftp.ts';

test('a file that vanishes while it is looked up is no such file, and one that vanishes later is served to its end', async () => {
  const at = await lab();
  const bytes = seeded(1).bytes(STATE_BYTES);
  const path = at.put('ROOT/file', bytes);
  const transfer = slowRead(at.address, 'file');
  await transfer.started;
  unlinkSync(path);
  expect((await get(at.address, 'file')).error).toMatchObject({ code: 1 });
  expect((await transfer.goOn()).bytes.equals(bytes)).toBe(true);
});

describe('the root directory changes under transfers', () => {
  const old = seeded(11).bytes(STATE_BYTES);
  const young = seeded(12).bytes(STATE_BYTES);

  test('a root that is a link is switched over', async () => {
    const at = await lab({ rootDir: 'current' }, linked());
    const transfer = slowRead(at.address, 'file');
    await transfer.started;
    symlinkSync('release2', join(at.path, 'next'));
    renameSync(join(at.path, 'next'), join(at.path, 'current'));
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  function linked() {
    const at = folder();
    at.put('release1/file', old);
    at.put('release2/file', young);
    symlinkSync('release1', join(at.path, 'current'));
    return at;
  }

  test('a root that vanishes takes no transfer with it, and is served again when it is back', async () => {
    const at = await lab();
    at.put('ROOT/file', old);
    const transfer = slowRead(at.address, 'file');
    await transfer.started;
    rmSync(at.root, { recursive: true });
    expect((await get(at.address, 'file')).error).toBeDefined();
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
    at.put('ROOT/file', young);
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
  });

  test('a directory is swapped', async () => {
    const at = await lab();
    at.put('ROOT/boot/file', old);
    at.put('ROOT/boot.new/file', young);
    const transfer = slowRead(at.address, 'boot/file');
    await transfer.started;
    renameSync(join(at.root, 'boot'), join(at.root, 'boot.old'));
    renameSync(join(at.root, 'boot.new'), join(at.root, 'boot'));
    expect((await get(at.address, 'boot/file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  test('a file that is replaced by rename goes on as it was', async () => {
    const at = await lab();
    at.put('ROOT/file', old);
    const transfer = slowRead(at.address, 'file');
    await transfer.started;
    renameSync(at.put('new', young), join(at.root, 'file'));
    expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(young)).toBe(true);
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });

  test.for([
    ['truncated', (path: string) => truncateSync(path, 100_000)],
    ['emptied', (path: string) => truncateSync(path)],
    ['written over', (path: string) => writeFileSync(path, young, { flag: 'r+' })],
  ] as const)('a file that is %s ends in ERROR 0, and in no mixed bytes', async ([, change]) => {
    const at = await lab({ cacheBytes: 0 });
    // So long that not all of it was read ahead.
    const bytes = Buffer.concat(Array<Uint8Array>(8).fill(old));
    const path = at.put('ROOT/file', bytes);
    const transfer = slowRead(at.address, 'file');
    await transfer.started;
    await pause(20);
    change(path);
    const got = await transfer.goOn();
    expect(got.error).toMatchObject({ code: 0, message: 'file changed during transfer' });
    expect(got.bytes.equals(bytes.subarray(0, got.bytes.length))).toBe(true);
    expect((await at.end()).outcome).toBe('failed');
  });

  test('with the watcher off or deaf it is the same: nothing of this waits for an event', async () => {
    const at = await reloadingLab({ config: letterConfig('A'), watch: false, files: { 'ROOT/file': old } });
    const transfer = slowRead(at.address, 'file');
    await transfer.started;
    for (let i = 0; i < 20; i++) {
      const bytes = seeded(100 + i).bytes(40_000);
      if (i % 2 === 0) renameSync(at.put('new', bytes), join(at.root, 'file'));
      else writeFileSync(join(at.root, 'file'), bytes);
      await pause(15);
      expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(bytes)).toBe(true);
    }
    expect((await transfer.goOn()).bytes.equals(old)).toBe(true);
  });
});
