/** What the system has in memory, of real files. */
import { appendFileSync, closeSync, fstatSync, openSync, statfsSync, truncateSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../../src/base/segment.ts';
import { fileStat } from '../../../../src/content/node-filesystem.ts';
import { versionKey } from '../../../../src/content/version.ts';
import { nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { PageCache } from '../../../../src/tftp/transport/native/page-cache.ts';
import { folder } from '../../../kit/lab.ts';
import { seeded } from '../../../kit/random.ts';
import { describeWith, TMPFS_KIND } from '../../../kit/tools.ts';

const bytes = seeded(31).bytes(2 * SEGMENT_BYTES + 10);

/** A file that was just written, so it is in memory. */
function open(path: string) {
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  return { fd, version: versionKey(fileStat(fstatSync(fd, { bigint: true }))) };
}

describeWith('the page cache', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  const pageCache = () => new PageCache();

  test('has what was just written, or says that it cannot tell', () => {
    const path = folder().put('file', bytes);
    const { fd, version } = open(path);
    // tmpfs knows no read without waiting.
    const knows = statfsSync(path).type !== TMPFS_KIND;
    const into = new Uint8Array(SEGMENT_BYTES);
    expect(pageCache().read(fd, version, into, SEGMENT_BYTES)).toBe(knows);
    if (knows) expect(Buffer.from(into).equals(bytes.subarray(SEGMENT_BYTES, 2 * SEGMENT_BYTES))).toBe(true);
  });

  test.each([
    ['grew', (path: string) => appendFileSync(path, 'x')],
    ['was cut', (path: string) => truncateSync(path, SEGMENT_BYTES + 1)],
  ])('a file that %s is of another version', (_, change) => {
    const path = folder().put('file', bytes);
    const { fd, version } = open(path);
    change(path);
    expect(pageCache().read(fd, version, new Uint8Array(SEGMENT_BYTES), 0)).toBe(false);
  });

  test.each([
    ['beyond the end', (fd: number) => fd, bytes.length - 1],
    ['by a descriptor that is none', () => 999_999, 0],
  ])('nothing is read %s', (_, by, position) => {
    const { fd, version } = open(folder().put('file', bytes));
    expect(pageCache().read(by(fd), version, new Uint8Array(2), position)).toBe(false);
  });
});
