/**
 * The control plane stalls, the wall clock jumps: transfers go on.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { resolveConfig } from '../kit/config.ts';
import { folder, lab, until } from '../kit/lab.ts';
import { STATE_BYTES } from '../kit/letter-config.ts';
import { seeded } from '../kit/random.ts';
import type { Reading, ReadingTask } from '../kit/reader.worker.ts';
import { slowRead } from '../kit/slow-read.ts';
import { get } from '../kit/tftp.ts';

describe('time', () => {
  const bytes = seeded(21).bytes(STATE_BYTES);

  test('the control plane stalls for up to a second, reloads included, and no transfer notices', {
    timeout: 30_000,
  }, async () => {
    // A machine under load must not pass for a lost packet, and a stall is longer than this.
    const tftp = { limits: { minTimeoutMs: 150 }, listen: [{ address: '127.0.0.1', port: 0 }] };
    const at = await lab({ tftp });
    at.put('ROOT/file', bytes);
    const task: ReadingTask = {
      server: at.address,
      name: 'file',
      options: Array.from({ length: 20 }, (_, i) => ({ blksize: 1468, windowsize: 1 + (i % 4) })),
      paceMs: 4,
    };
    const worker = new Worker(new URL('../kit/reader.worker.ts', import.meta.url), { workerData: task });
    const reading = new Promise<readonly Reading[]>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await until(() => at.started.length === 20, 'begin of all transfers');
    for (const ms of [200, 1000, 500, 200]) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
      await at.server.reload(resolveConfig({ rootDir: 'ROOT', tftp }, { dir: at.path }));
      await pause(50);
    }
    for (const one of await reading) {
      expect(Buffer.from(one.bytes).equals(bytes)).toBe(true);
      expect(one).toMatchObject({ error: undefined, retries: 0, duplicates: 0 });
    }
    await until(() => at.ended.length === 20, 'end of all transfers');
    expect(at.ended.map(({ outcome, tftp }) => [outcome, tftp?.retransmissions])).toEqual(Array(20).fill(['completed', 0]));
  });

  test('the wall clock jumps, and neither transfers nor waits for files go by it', async () => {
    let offset = 0;
    const clock = { ...systemClock, wallTime: () => systemClock.wallTime() + offset };
    const at = await lab({ stableMs: 50, stableWaitMs: 500 }, folder(), { clock });
    at.put('ROOT/file', bytes);
    for (const ms of [3_600_000, -3_600_000, -86_400_000, 0]) {
      const transfer = slowRead(at.address, 'file');
      await transfer.started;
      offset = ms;
      const begun = performance.now();
      expect((await get(at.address, 'file', { options: { blksize: 8192 } })).bytes.equals(bytes)).toBe(true);
      expect(performance.now() - begun).toBeLessThan(1500);
      expect((await transfer.goOn()).bytes.equals(bytes)).toBe(true);
    }
    expect(at.ended.every(({ outcome }) => outcome === 'completed')).toBe(true);
  });
});
