/** Files of more than 65,535 blocks. */
import { describe, expect, test } from 'vitest';
import { decode, encode, Opcode } from '../../../../src/tftp/protocol/packet.ts';
import { Bench, bytesOf, digest, pattern, peerNamed, textOf } from '../../../kit/bench.ts';
import { deliver, Fetcher } from '../../../kit/fetcher.ts';

describe('longer than 65,535 blocks', () => {
  const FILE = pattern(65_600 * 8 + 3);

  test.each([
    ['rolls over to 0 by default', 'RRQ f octet blksize=8', 0, {}],
    ['rolls over to 1 by config', 'RRQ f octet blksize=8', 1, { rollover: 1 as const }],
    ['rolls over as the client asks', 'RRQ f octet blksize=8 rollover=0', 0, { rollover: 1 as const }],
    ['rolls over to 0 within a window', 'RRQ f octet blksize=8 windowsize=7', 0, {}],
    ['rolls over to 1 within a window', 'RRQ f octet blksize=8 windowsize=7 rollover=1', 1, {}],
  ])('%s', (_, request, rollover, transfer) => {
    const bench = new Bench({ files: { f: FILE }, transfer });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf(request), { rollover }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILE));
    expect(fetcher.blocks.slice(65_533, 65_538)).toEqual([65534, 65535, rollover, rollover + 1, rollover + 2]);
    expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: FILE.length, retransmissions: 0 });
    bench.expectNothingLeft();
  });

  test.each([
    [0, 0],
    [1, 1],
  ] as const)('comes in as well, rolling over to %i', (rollover, next) => {
    const bench = new Bench({ uploadBytes: 1e9, transfer: { rollover } });
    bench.say('C>69 WRQ up octet blksize=8');
    const blocks = 65_600;
    for (let block = 1; block <= blocks; block++) {
      const wire = rollover === 0 ? block % 65536 : ((block - 1) % 65535) + 1;
      const payload = FILE.subarray((block - 1) * 8, block === blocks ? (block - 1) * 8 + 3 : block * 8);
      bench.takeSent();
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.data, block: wire, payload }));
      const [ack, ...more] = bench.sent;
      if (block === 65_536) expect(textOf(decode(ack!.bytes)!)).toBe(`ACK ${next}`);
      if (!ack || more.length > 0) throw new Error(`${bench.sent.length} answers to block ${block}`);
    }
    expect(digest(bench.stored.get('up'))).toBe(digest(FILE.subarray(0, (blocks - 1) * 8 + 3)));
  });
});
