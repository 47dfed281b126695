/** A server whose main thread stands still goes on with its transfers of files. The measurement is `npm run measure:stall`. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { nativeUnavailableReason } from '../../../../src/net/native/libc.ts';
import { folder, lab, until } from '../../../kit/lab.ts';
import { seeded } from '../../../kit/random.ts';
import type { Reading, ReadingTask } from '../../../kit/reader.worker.ts';
import { describeWith, requireTmpfs, TMPFS } from '../../../kit/tools.ts';

const file = seeded(21).bytes(1_500_000);
/** Ends a test that has failed. */
const MOST_MS = 20_000;

const needs = [{ what: 'the native transport', met: nativeUnavailableReason() === undefined }, requireTmpfs()];

describeWith('native transport', needs, () => {
  test.each([
    ['in memory', undefined],
    ['that the content thread reads', TMPFS],
  ])('transfers of a file %s end while the main thread stands still', { timeout: 60_000 }, async (_, parent) => {
    const { address, put, server, ended } = await lab({ tftp: { transport: 'native' }, cacheBytes: 0 }, folder(parent));
    put('ROOT/file', file);
    const options = [1, 2, 4, 8, 16, 16].map((windowsize, i) => ({ blksize: 8192 + i, windowsize }));
    const done = new SharedArrayBuffer(4);
    const task: ReadingTask = { server: address, name: 'file', options, paceMs: 10, done };
    const worker = new Worker(new URL('../../../kit/reader.worker.ts', import.meta.url), { workerData: task });
    onTestFinished(async () => void (await worker.terminate()));
    const posted = once(worker, 'message') as Promise<[readonly Reading[]]>;
    const underWay = async () => (await server.exchanges()).filter(({ bytes }) => bytes > 0).length === options.length;
    await until(underWay, 'transfers under way', MOST_MS);
    expect(ended).toEqual([]);
    // Stands still until the last reader has its last byte.
    expect(Atomics.wait(new Int32Array(done), 0, 0, MOST_MS)).toBe('ok');
    const [readings] = await posted;
    for (const { bytes, error, duplicates } of readings) {
      expect({ error, duplicates }).toEqual({ error: undefined, duplicates: 0 });
      expect(Buffer.from(bytes).equals(file)).toBe(true);
    }
    await until(() => ended.length === options.length, 'every end');
    expect(ended.map(({ outcome, tftp }) => `${outcome} ${tftp?.retransmissions}`)).toEqual(options.map(() => 'completed 0'));
  });
});
