/** FIELD 4.8, the other half: what a flood leaves behind in memory. The tables are nobody's business, so the heap is asked. */
import { expect, test } from 'vitest';
import { peerKey } from '../../../src/base/peer.ts';
import { Stats } from '../../../src/stats/stats.ts';
import { Engine } from '../../../src/tftp/protocol/engine.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { bytesOf } from '../../kit/bench.ts';
import { heapMib } from '../../kit/heap.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from '../../kit/limits.ts';

const REQUESTS = 60_000;
const request = bytesOf('RRQ f octet tsize=0 blksize=1468 windowsize=4');

/** An engine without a bench's memory of its own. `decide` answers each request at once. */
function engineThat(decide: (engine: Engine, id: number, now: number) => void) {
  const replies: ServerEndpoint[] = Array.from({ length: 8 }, (_, i) => ({
    address: '192.168.7.1',
    port: 5000 + i,
    accepts: false,
    replies: [],
  }));
  const listener: ServerEndpoint = { address: '192.168.7.1', port: 69, accepts: true, replies };
  const ids: number[] = [];
  const outbox = { send: () => {}, data: () => {} };
  const over: number[] = [];
  const control = {
    request: ({ id }: { id: number }) => ids.push(id),
    need() {},
    store() {},
    end: (id: number) => over.push(id),
  };
  const engine = new Engine(outbox, control, new Stats(), ENGINE_LIMITS, () => 0);
  return {
    engine,
    flood(now: number, i: number) {
      engine.receive(listener, peerKey(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, 1000), request, now);
      for (const id of ids.splice(0)) decide(engine, id, now);
      for (const id of over.splice(0)) engine.finished(id);
      engine.expire(now);
    },
  };
}

test.each<[string, (engine: Engine, id: number, now: number) => void]>([
  ['refused', (engine, id, now) => engine.refuse(id, { code: 1, message: 'file not found' }, now)],
  [
    'answered, and never acknowledged',
    (engine, id, now) =>
      engine.answer(id, { kind: 'read', size: 3000, first: new Uint8Array(3000), limits: TRANSFER_LIMITS }, now),
  ],
  ['never answered', () => {}],
])('60,000 forged requests from as many addresses, %s: little is held, and then nothing', (_, decide) => {
  const before = heapMib();
  const { engine, flood } = engineThat(decide);
  for (let i = 0; i < REQUESTS; i++) flood(i / 100, i);
  // 2,048 that never answered, 4,096 that are over, 8,192 accounts.
  expect(heapMib() - before).toBeLessThan(40);
  for (let now = 2000; now < 400_000; now += 1000) engine.expire(now);
  expect(engine.size).toBe(0);
  expect(engine.nextDeadline).toBe(Number.POSITIVE_INFINITY);
  expect(heapMib() - before).toBeLessThan(3);
});
