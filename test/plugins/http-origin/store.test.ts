/** The cache folder under several writers: what one process does must not hurt what another serves. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Part } from '../../../plugins/http-origin/part.ts';
import { slotOf } from '../../../plugins/http-origin/slot.ts';
import { Store } from '../../../plugins/http-origin/store.ts';
import { versionOf } from '../../../plugins/http-origin/version.ts';
import { cacheFolder } from './rig.ts';

const slot = slotOf(new URL('http://127.0.0.1/pub/kernel'));
const bytes = Buffer.from('all of the kernel');
const strong = versionOf({ etag: '"v"' }, bytes.length);

async function begin(store: Store, version = strong): Promise<Part> {
  const part = await store.begin(slot, version, 0);
  onTestFinished(() => part.close());
  return part;
}

describe('two who write the same version', () => {
  test('the slower one does not touch the copy that the faster one has made', async () => {
    const dir = cacheFolder();
    const [fast, slow] = [await begin(new Store(dir, 1000)), await begin(new Store(dir, 1000))];
    await slow.write(bytes.subarray(0, 5));
    await fast.write(bytes);
    await fast.publish();
    const copy = await new Store(dir, 1000).copy(slot);
    const before = statSync(join(dir, copy!.file), { bigint: true });
    await slow.write(bytes.subarray(5, 9));
    expect(slow.written).toBe(bytes.length);
    await slow.publish();
    const { ino, mtimeNs, ctimeNs } = statSync(join(dir, copy!.file), { bigint: true });
    expect({ ino, mtimeNs, ctimeNs }).toEqual({ ino: before.ino, mtimeNs: before.mtimeNs, ctimeNs: before.ctimeNs });
    expect(await new Store(dir, 1000).copy(slot)).toMatchObject({ file: copy!.file });
  });

  test('one whose part was thrown out meanwhile fails to keep it, and nothing else', async () => {
    const dir = cacheFolder();
    const part = await begin(new Store(dir, 1000));
    await part.write(bytes);
    const other = slotOf(new URL('http://127.0.0.1/pub/other'));
    const large = await new Store(dir, 1000).begin(other, versionOf({ etag: '"w"' }, 990), 0);
    onTestFinished(() => large.close());
    await expect(part.publish()).rejects.toThrow('the cache folder cannot be used');
    expect(Buffer.from(await part.read(0, bytes.length))).toEqual(bytes);
    expect(await new Store(dir, 1000).copy(slot)).toBeUndefined();
  });
});

test('versions that nothing tells apart never share a file', () => {
  const ids = [{}, {}, { etag: 'W/"v"' }, { etag: 'W/"v"' }].map((headers) => versionOf(headers, 5).id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(versionOf({ etag: '"v"' }, 5).id).toBe(versionOf({ etag: '"v"' }, 5).id);
  expect(versionOf({ etag: '"v"' }, 5).id).not.toBe(versionOf({ etag: '"v"' }, 6).id);
});
