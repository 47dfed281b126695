/** A client that asks for all there is gets a window that is bounded, and no more by asking louder; everybody else is answered. */
import { expect, test } from 'vitest';
import { peerKey } from '../../../src/base/peer.ts';
import { encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { Bench, bytesOf, pattern } from '../../kit/bench.ts';
import { deliver, Fetcher } from '../../kit/fetcher.ts';
import { TRANSFER_LIMITS } from '../../kit/limits.ts';

const OTHERS = 500;
const greedy = peerKey('10.0.0.1', 1024);

test('one client with window 65535 of 65464 bytes, beside 500 others', () => {
  const bench = new Bench({ files: { large: pattern(16 * 1024 ** 2), small: pattern(20_000) } });
  bench.receive(bench.listener, greedy, bytesOf('RRQ large octet blksize=65464 windowsize=65535'));
  const [oack] = bench.takeSent();
  const ack = encode({ opcode: Opcode.ack, block: 0 });
  // A first window, and one more at the most for all the ACKs that acknowledge nothing.
  for (let i = 0; i < 1000; i++) bench.receive(oack!.from, greedy, ack);
  const sent = bench.takeSent().reduce((sum, { bytes }) => sum + bytes.length - 4, 0);
  expect(sent).toBeGreaterThan(TRANSFER_LIMITS.windowBytes / 2);
  expect(sent).toBeLessThanOrEqual(2 * TRANSFER_LIMITS.windowBytes);

  const request = bytesOf('RRQ small octet blksize=1468 windowsize=4');
  const others = Array.from({ length: OTHERS }, (_, i) =>
    new Fetcher(bench, peerKey(`10.1.${i >> 8}.${i & 255}`, 1024), request).ask(),
  );
  const delivered = deliver(bench, others);
  expect(others.map(({ state }) => state)).toEqual(Array(OTHERS).fill('done'));
  // Nobody has to wait for it: not a byte more goes to it until it acknowledges.
  expect(delivered.filter(({ to }) => to === greedy)).toEqual([]);
});
