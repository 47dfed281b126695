/** Content is not held without bound for peers that have never answered, and is there when one does. */
import { expect, test } from 'vitest';
import { peerKey } from '../../../src/base/peer.ts';
import { SEGMENT_BYTES } from '../../../src/base/segment.ts';
import { Engine } from '../../../src/tftp/protocol/engine.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { bytesOf } from '../../kit/bench.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from '../../kit/limits.ts';

const MIB = 1024 ** 2;
const REQUESTS = 400;
const SIZE = 2 * SEGMENT_BYTES;
const bound = 4 * MIB;

/** Each request is answered at once by a segment of its own, whose bytes are its number. */
function flood(request: string, again: boolean) {
  const reply: ServerEndpoint = { address: '192.168.7.1', port: 5000, accepts: false, replies: [] };
  const listener: ServerEndpoint = { address: '192.168.7.1', port: 69, accepts: true, replies: [reply] };
  const sent: string[] = [];
  const needs: string[] = [];
  const ids: number[] = [];
  let heldBytes = 0;
  const engine = new Engine(
    {
      send: () => {},
      data: (_from, to, block, { first, start, end }) =>
        void sent.push(`${peers.indexOf(to)}: DATA ${block} of ${first[start]}, ${end - start}`),
    },
    {
      request: ({ id }) => void ids.push(id),
      need: (id, index) => void needs.push(`${id} ${index}`),
      release: (bytes) => {
        if (bytes.length === SEGMENT_BYTES) heldBytes -= bytes.length;
      },
      store() {},
      end() {},
    },
    { add() {}, observe() {}, drop() {} },
    ENGINE_LIMITS,
    () => 0,
  );
  const peers = Array.from({ length: REQUESTS }, (_, i) => peerKey(`10.0.${i >> 8}.${i & 255}`, 1000));
  const segment = (id: number) => new Uint8Array(SEGMENT_BYTES).fill(id % 251);
  const ask = (i: number) => engine.receive(listener, peers[i]!, bytesOf(request), 0);
  for (let i = 0; i < REQUESTS; i++) {
    ask(i);
    heldBytes += SEGMENT_BYTES;
    engine.answer(ids[i]!, { kind: 'read', size: SIZE, first: segment(ids[i]!), again, limits: TRANSFER_LIMITS }, 0);
  }
  const ack = (i: number, block: number) => engine.receive(reply, peers[i]!, encode({ opcode: Opcode.ack, block }), 1);
  const supply = (i: number) => engine.supply(ids[i]!, 0, segment(ids[i]!), false, 2);
  return { sent, needs, ids, ask, ack, supply, held: () => heldBytes };
}

test.each([
  ['with options', 'RRQ f octet tsize=0 blksize=1024', 0, 1, 1024],
  ['without', 'RRQ f octet', 1, 2, 512],
])('%s: the oldest let go of it, and ask again once their peer has answered', (_, request, acked, next, length) => {
  const at = flood(request, true);
  expect(at.held()).toBeLessThanOrEqual(bound);
  expect(at.held()).toBeGreaterThan(bound / 2);
  at.sent.length = 0;
  // The request once more: what was answered can be said again.
  at.ask(0);
  expect(at.sent).toEqual(acked === 0 ? [] : ['0: DATA 1 of 1, 512']);
  at.sent.length = 0;
  at.ack(0, acked);
  expect(at.sent).toEqual([]);
  expect(at.needs[0]).toBe(`${at.ids[0]} 0`);
  at.supply(0);
  expect(at.sent).toEqual([`0: DATA ${next} of 1, ${length}`]);
  // The youngest has its part still.
  at.sent.length = 0;
  at.ack(REQUESTS - 1, acked);
  expect(at.sent).toEqual([`${REQUESTS - 1}: DATA ${next} of ${at.ids[REQUESTS - 1]! % 251}, ${length}`]);
});

test('what cannot be had again is held', () => {
  expect(flood('RRQ f octet tsize=0', false).held()).toBe(REQUESTS * SEGMENT_BYTES);
});
