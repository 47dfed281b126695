/** What cannot be seen from outside an Engine: what a sender holds on to. Its manners are the conversations' and the simulation's. */
import { expect, test } from 'vitest';
import { SEGMENT_BYTES } from '../../../src/base/segment.ts';
import type { Outbox } from '../../../src/tftp/protocol/outbox.ts';
import { RoundTrip } from '../../../src/tftp/protocol/rtt.ts';
import { Segments } from '../../../src/tftp/protocol/segments.ts';
import { Sender } from '../../../src/tftp/protocol/sender.ts';

const endpoint = { address: '192.168.7.1', port: 5000, accepts: false, replies: [] };

test.each([
  [512, 1],
  [1468, 4],
  [1468, 64],
  [65464, 1],
  [65464, 16],
])('blocks of %i in windows of %i: acknowledged segments are let go, and each is asked for once', (blockSize, windowSize) => {
  const size = 40 * SEGMENT_BYTES + 17;
  const content = new Uint8Array(SEGMENT_BYTES);
  const asked: number[] = [];
  let sent = 0;
  const outbox: Outbox = {
    send: () => {},
    data: (_from, _to, _block, { start, end, secondEnd }) => {
      sent += end - start + secondEnd;
    },
  };
  const segments = new Segments(size);
  const sender = new Sender(
    { outbox, from: endpoint, to: 1 },
    { blockSize, windowSize, rollover: 0 },
    segments,
    new RoundTrip(20, 3000),
  );
  let most = 0;
  for (let block = windowSize; !sender.done; block += windowSize) {
    for (let index = segments.wanted(sender.horizon); index >= 0; index = segments.wanted(sender.horizon)) {
      asked.push(index);
      const rest = size - index * SEGMENT_BYTES;
      segments.supply(index, content.subarray(0, rest), rest <= SEGMENT_BYTES);
    }
    most = Math.max(most, segments.buffered);
    sender.pump(0);
    sender.ack(Math.min(block, Math.floor(size / blockSize) + 1) % 65536, 1);
  }
  expect(sent).toBe(size);
  expect(sender.bytes).toBe(size);
  expect(asked).toEqual(Array.from({ length: 41 }, (_, i) => i));
  expect(most).toBeLessThanOrEqual(Math.ceil((blockSize * windowSize) / SEGMENT_BYTES) + 1);
});

test('the start of a window is no flight: the peer need not acknowledge it before the rest has come', () => {
  const sent: number[] = [];
  const outbox: Outbox = { send: () => {}, data: (_from, _to, block) => void sent.push(block) };
  const segments = new Segments(undefined);
  const roundTrip = new RoundTrip(20, 3000);
  const settings = { blockSize: 40_000, windowSize: 4, rollover: 0 } as const;
  const sender = new Sender({ outbox, from: endpoint, to: 1 }, settings, segments, roundTrip);
  segments.supply(0, new Uint8Array(SEGMENT_BYTES), false);
  sender.pump(0);
  expect({ sent, waitingForUs: sender.waitingForUs }).toEqual({ sent: [1], waitingForUs: true });
  segments.supply(1, new Uint8Array(SEGMENT_BYTES), false);
  sender.pump(5000);
  segments.supply(2, new Uint8Array(SEGMENT_BYTES), false);
  sender.pump(5001);
  expect({ sent, waitingForUs: sender.waitingForUs }).toEqual({ sent: [1, 2, 3, 4], waitingForUs: false });
  sender.ack(4, 5003);
  // Five seconds were the content's: of the round trip they say nothing.
  expect(roundTrip.smoothed).toBeLessThan(10);
});
