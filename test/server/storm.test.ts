/** Many clients at once: no first request of a storm is lost. */
import { once } from 'node:events';
import { readFileSync, truncateSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { folder, lab, until } from '../kit/lab.ts';
import type { Storm, StormTask } from '../kit/storm.worker.ts';
import { describeWith, type Need } from '../kit/tools.ts';

const STORM = 1000;
/** What the kernel counts for a small datagram, at the least. */
const DATAGRAM_BYTES = 768;
const roomForStorm: Need = {
  what: `receive buffers for ${STORM} requests (root, or a larger net.core.rmem_max)`,
  met: process.getuid?.() === 0 || receiveLimit() * 2 >= STORM * DATAGRAM_BYTES,
};

interface Task extends Partial<StormTask> {
  readonly server: StormTask['server'];
  readonly name: string;
}

function start(task: Task) {
  const asked = new Int32Array(new SharedArrayBuffer(4));
  const workerData: StormTask = { clients: 1, options: {}, asked, limitMs: 20_000, ...task };
  const worker = new Worker(new URL('../kit/storm.worker.ts', import.meta.url), { workerData });
  onTestFinished(async () => void (await worker.terminate()));
  return { worker, asked };
}

async function storm(task: Task): Promise<Storm> {
  const { worker } = start(task);
  const [result] = await once(worker, 'message', { signal: AbortSignal.timeout(40_000) });
  return result as Storm;
}

describeWith('a storm', [roomForStorm], () => {
  test(`${STORM} requests at once while the server is busy: each is answered, and none had to be sent twice`, async () => {
    const at = folder();
    at.put('ROOT/file', new Uint8Array(1400));
    const { address, ended, end, log } = await lab({ tftp: { limits: { minTimeoutMs: 3000 } } }, at);
    // The threads of a transport may still be starting.
    await storm({ server: address, name: 'file', clients: 1, options: { blksize: 1468 } });
    await end();
    const { worker, asked } = start({ server: address, name: 'file', clients: STORM, options: { blksize: 1468 } });
    const posted = once(worker, 'message', { signal: AbortSignal.timeout(40_000) });
    expect(Atomics.wait(asked, 0, 0, 15_000), 'all requests come during the stall').not.toBe('timed-out');
    const [{ times }] = (await posted) as [Storm];
    expect(times).toHaveLength(STORM);
    await until(() => ended.length === STORM + 1, 'every end');
    expect(new Set(ended.map(({ outcome }) => outcome))).toEqual(new Set(['completed']));
    expect(log.filter(({ msg }) => msg.includes('dropped'))).toEqual([]);
  });
});

test('one client with window 65535 of 65464 bytes starves nobody', async () => {
  const at = folder();
  at.put('ROOT/small', new Uint8Array(30_000));
  truncateSync(at.put('ROOT/large', ''), 512 * 1024 ** 2);
  const { address, ended } = await lab({ tftp: { limits: { minTimeoutMs: 3000 } } }, at);
  const clients = 200;
  const greedy = { name: 'large', options: { blksize: 65464, windowsize: 65535 } };
  const { times, duplicates, greedyBytes } = await storm({
    server: address,
    name: 'small',
    clients,
    options: { blksize: 1468 },
    greedy,
  });
  // Each asks once and sends nothing twice.
  expect(times).toHaveLength(clients);
  expect(duplicates).toBe(0);
  expect(greedyBytes).toBeGreaterThan(1_000_000);
  const small = () => ended.filter(({ request }) => request.asked === 'small');
  await until(() => small().length === clients, 'every end');
  expect(new Set(small().map(({ outcome }) => outcome))).toEqual(new Set(['completed']));
});

function receiveLimit(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/rmem_max', 'utf8'));
  } catch {
    return 0;
  }
}
