/** EDK2, as measured (FIELD.md §1): what comes in, and what must come out. */
import { describe, expect, test } from 'vitest';
import { decode, encode, Opcode, type Packet } from '../../../../src/tftp/protocol/packet.ts';
import { Bench, pattern, peerNamed, type Sent, textOf } from '../../../kit/bench.ts';
import { type Conversation, converse } from './conversation.ts';

describe('reading', () => {
  test.each<Conversation>([
    [
      'EDK2 asks for the size, and says goodbye by ERROR 8; then it asks again, for the file',
      [
        'C>69 RRQ f octet tsize=0 blksize=1468 windowsize=4',
        'C<a OACK tsize=3000 blksize=1468 windowsize=4',
        'C>a ERROR 8 User aborted the transfer',
        '= f probed 0: 8 User aborted the transfer',
        '+3',
        '1025>69 RRQ f octet blksize=1468 windowsize=4',
        '1025<b OACK blksize=1468 windowsize=4',
        '1025>b ACK 0',
        '1025<b DATA 1 1468',
        '1025<b DATA 2 1468',
        '1025<b DATA 3 64',
        '1025>b ACK 3',
        '= f completed 3000',
        // Nothing goes to the closed port.
        '+60000',
      ],
    ],
    [
      'EDK2 on a path of small MTU: a clamp makes the block smaller, and it takes that',
      [
        'C>69 RRQ g octet tsize=0 blksize=1468 windowsize=4',
        'C<a OACK tsize=1300 blksize=1024 windowsize=4',
        'C>a ACK 0',
        'C<a DATA 1 1024',
        'C<a DATA 2 276',
        'C>a ACK 2',
        '= g completed 1300',
      ],
      { transfer: { blockSize: 1024 } },
    ],
  ])('%s', (_, script, options) => {
    converse(script, options);
  });
});

describe('EDK2 in a window of 4', () => {
  /**
   * No ACK for an incomplete window; for every block that it has already or that is out of order, one ACK of the last good
   * one, which does not move the window. The first time that each of `lost` comes, it does not. Every packet takes `delayMs`.
   */
  function edk2(lost: readonly number[], delayMs: number): { bench: Bench; blocks: number[] } {
    const bench = new Bench({ files: { f: pattern(999 * 512 + 5) } });
    const missing = new Set(lost);
    const blocks: number[] = [];
    const acks: { at: number; block: number }[] = [];
    let expected = 1;
    let windowEnd = 4;
    const take = (packet: Packet): number | undefined => {
      if (packet.opcode === Opcode.oack) return 0;
      if (packet.opcode !== Opcode.data) return undefined;
      blocks.push(packet.block);
      if (missing.delete(packet.block)) return undefined;
      if (packet.block !== expected) return expected - 1;
      expected++;
      if (packet.block < windowEnd && packet.payload.length === 512) return undefined;
      windowEnd = packet.block + 4;
      return packet.block;
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    const down: Sent[] = [];
    while (bench.endings.size === 0 && bench.now < 60_000 && blocks.length < 100_000) {
      down.push(...bench.takeSent());
      while (down[0] && down[0].at + delayMs <= bench.now) {
        const block = take(decode(down.shift()!.bytes)!);
        if (block !== undefined) acks.push({ at: bench.now + delayMs, block });
      }
      while (acks[0] && acks[0].at <= bench.now) {
        bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block: acks.shift()!.block }));
      }
      if (delayMs > 0 || bench.sent.length === 0) bench.pass(0.5);
    }
    return { bench, blocks };
  }

  describe.each([0, 0.5, 5, 50])('at %s ms each way', (delayMs) => {
    test.each([
      ['nothing lost', [], 1000],
      // 397, 398, 399 are there, 400 is not: the timer sends 397, the answer is 399.
      ['the last block of a window lost', [400], 1002],
      ['the first block of a window lost', [397], 1008],
      ['a block within a window lost', [398], 1008],
      ['two blocks of a window lost', [398, 400], 1016],
      ['a whole window lost', [397, 398, 399, 400], 1008],
      ['the last block of all lost', [1000], 1008],
      ['a loss in each of three windows running', [397, 402, 407], 1024],
    ])('%s: a window again by the timer and one for each gap, at the most', (_, lost, most) => {
      const { bench, blocks } = edk2(lost, delayMs);
      expect(bench.ending.outcome).toBe('completed');
      expect(new Set(blocks).size).toBe(1000);
      expect(blocks.length).toBeLessThanOrEqual(most);
      bench.expectNothingLeft();
    });
  });

  test('399, 399, 399, 400: the first says that 400 is missing, the others cause nothing', () => {
    const bench = new Bench({ files: { f: pattern(999 * 512 + 5) } });
    const sentFor = (block: number) => {
      bench.takeSent();
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block }));
      return bench.takeSent().map(({ bytes }) => textOf(decode(bytes)!).split(' ')[1]);
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    for (let block = 0; block <= 396; block += 4) sentFor(block);
    bench.pass(19);
    bench.takeSent();
    bench.pass(1);
    expect(bench.takeSent().map(({ bytes }) => (decode(bytes) as { block: number }).block)).toEqual([397]);
    expect([399, 399, 399, 400].map(sentFor)).toEqual([['400', '401', '402', '403'], [], [], ['404']]);
  });
});
