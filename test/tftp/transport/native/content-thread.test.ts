/** The content thread on this one, with real files: each read is answered once, whatever the order in which its two ports are heard. */

import { once } from 'node:events';
import { closeSync, fstatSync, openSync, truncateSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../../src/base/segment.ts';
import { fileStat } from '../../../../src/content/node-filesystem.ts';
import { C, mustCall, nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { makeFlags } from '../../../../src/net/native/wake.ts';
import { Stats } from '../../../../src/stats/stats.ts';
import { ContentThread } from '../../../../src/tftp/transport/native/content-thread.ts';
import type { FromContent, ToContent } from '../../../../src/tftp/transport/native/messages.ts';
import { CHUNK_SLOTS, Slots } from '../../../../src/tftp/transport/native/slots.ts';
import { folder } from '../../../kit/lab.ts';
import { seeded } from '../../../kit/random.ts';
import { describeWith } from '../../../kit/tools.ts';

const bytes = seeded(33).bytes(SEGMENT_BYTES + 10);

/** @param late the control port is not heard before its messages are asked for */
function thread({ late = false } = {}) {
  const control = new MessageChannel();
  if (late) control.port2.on = () => control.port2;
  const data = new MessageChannel();
  const fd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
  new ContentThread({
    wake: { fd, flags: makeFlags() },
    stats: new Stats().share(),
    control: control.port2,
    data: data.port2,
  }).run();
  onTestFinished(() => {
    control.port1.close();
    data.port1.close();
    closeSync(fd);
  });
  const slots = new Slots();
  const chunk = new SharedArrayBuffer(CHUNK_SLOTS * SEGMENT_BYTES);
  slots.add(chunk);
  data.port1.postMessage([{ kind: 'chunk', chunk }] satisfies ToContent[]);
  const told: FromContent[] = [];
  data.port1.on('message', (messages: FromContent[]) => void told.push(...messages));
  const path = folder().put('file', bytes);
  const file = openSync(path, 'r');
  onTestFinished(() => closeSync(file));
  const version = fileStat(fstatSync(file, { bigint: true }));
  return {
    path,
    slots,
    told,
    open: (id: number) => control.port1.postMessage({ kind: 'open', id, file: { fd: file, version, path } } satisfies ToContent),
    read: (id: number, slot: number, index: number, length: number) =>
      data.port1.postMessage([{ kind: 'read', id, slot, position: index * SEGMENT_BYTES, length }] satisfies ToContent[]),
    close(id: number): Promise<[number]> {
      control.port1.postMessage({ kind: 'close', id } satisfies ToContent);
      return once(control.port1, 'message') as Promise<[number]>;
    },
    answered: async (count: number) => {
      while (told.length < count) await once(data.port1, 'message');
      return told.map((message) => (message.kind === 'filled' ? message.slot : `${message.slot}: ${message.error.message}`));
    },
  };
}

describeWith('the content thread', [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }], () => {
  test('reads into the slot that it is told', async () => {
    const { open, read, answered, slots } = thread();
    open(1);
    read(1, 5, 0, SEGMENT_BYTES);
    read(1, 7, 1, 10);
    expect((await answered(2)).sort()).toEqual([5, 7]);
    expect(Buffer.from(slots.bytes(5, SEGMENT_BYTES)).equals(bytes.subarray(0, SEGMENT_BYTES))).toBe(true);
    expect(Buffer.from(slots.bytes(7, 10)).equals(bytes.subarray(SEGMENT_BYTES))).toBe(true);
  });

  test('a read that is heard before the file is open', async () => {
    const { open, read, answered } = thread({ late: true });
    open(1);
    read(1, 0, 0, SEGMENT_BYTES);
    expect(await answered(1)).toEqual([0]);
  });

  test('a read that is heard after the file was let go of, but was said before', async () => {
    const { open, read, close, answered } = thread();
    open(1);
    read(1, 0, 0, SEGMENT_BYTES);
    expect(await close(1)).toEqual([1]);
    expect(await answered(1)).toEqual([0]);
  });

  test('a read of a file that nobody has opened fails, and the next one is answered', async () => {
    const { open, read, answered } = thread();
    read(1, 3, 0, 10);
    await new Promise((resolve) => setImmediate(resolve));
    open(2);
    read(2, 4, 1, 10);
    expect(await answered(2)).toEqual(['3: cannot read file', 4]);
  });

  test('of a file that was cut short it reads nothing', async () => {
    const { open, read, answered, path } = thread();
    open(1);
    truncateSync(path, 10);
    read(1, 2, 0, SEGMENT_BYTES);
    expect(await answered(1)).toEqual(['2: file changed during transfer']);
  });
});
