/** What a timeout makes the server send. */
import { describe, expect, test } from 'vitest';
import { decode, encode, Opcode } from '../../../../src/tftp/protocol/packet.ts';
import { Bench, pattern, peerNamed } from '../../../kit/bench.ts';

describe('after a time-out, in windows of 4', () => {
  /** A read with these ACKs behind it. What an ACK, or the time, makes it send are the numbers of DATA. */
  function read(blocks: number, acks: readonly number[]) {
    const bench = new Bench({ files: { f: pattern((blocks - 1) * 512 + 5) } });
    const sent = () => bench.takeSent().map(({ bytes }) => (decode(bytes) as { block: number }).block);
    const ack = (block: number) => {
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.ack, block }));
      return sent();
    };
    const timeout = () => {
      for (let ms = 0; ms < 1000; ms++) {
        bench.pass(1);
        const blocks = sent();
        if (blocks.length > 0) return blocks;
      }
      return [];
    };
    bench.say('C>69 RRQ f octet windowsize=4');
    sent();
    for (const block of acks) ack(block);
    return { ack, timeout };
  }

  test('one block asks how far the window came, the answer brings the rest', () => {
    const { ack, timeout } = read(100, [0, 4]);
    expect(timeout()).toEqual([5]);
    expect(ack(7)).toEqual([8, 9, 10, 11]);
  });

  test('an ACK from before is no answer', () => {
    const { ack, timeout } = read(100, [0, 4, 8]);
    expect(timeout()).toEqual([9]);
    expect(ack(4)).toEqual([]);
    expect(ack(8)).toEqual([10, 11, 12]);
  });

  test('no answer: single blocks, the first and the last of the flight in turn', () => {
    const { timeout } = read(100, [0, 4]);
    expect(Array.from({ length: 6 }, timeout)).toEqual([[5], [8], [5], [8], [5], [8]]);
  });

  test.each([
    ['the whole flight was lost: the last block makes a gap behind the first', 5, [6, 7, 8, 9]],
    ['the last block but one was lost, and the first question as well', 6, [7, 8, 9, 10]],
    ['the ACK was lost, and the first question as well', 8, [9, 10, 11, 12]],
    ['a client that only repeats its last ACK has heard nothing', 4, [5, 6, 7, 8]],
  ])('%s', (_, heard, rest) => {
    const { ack, timeout } = read(100, [0, 4]);
    expect([timeout(), timeout()]).toEqual([[5], [8]]);
    expect(ack(heard)).toEqual(rest);
  });

  test('a peer that told of a gap, or has the end of the file, gets it all but once', () => {
    const told = read(100, [0]);
    told.ack(3);
    told.ack(4);
    expect(Array.from({ length: 4 }, told.timeout)).toEqual([[5, 6, 7, 8], [8], [5], [8]]);
    const { timeout } = read(8, [0, 4]);
    expect(Array.from({ length: 4 }, timeout)).toEqual([[5, 6, 7, 8], [8], [5], [8]]);
  });

  test('a peer that told of a gap is not asked', () => {
    // 4 was lost, then 9: to EDK2, 8 is where the window would have ended without the first.
    const { ack, timeout } = read(100, [0]);
    expect(ack(3)).toEqual([4, 5, 6, 7]);
    expect(ack(4)).toEqual([8]);
    expect(timeout()).toEqual([5, 6, 7, 8]);
  });

  test('nor is one that has the end of the file', () => {
    const { timeout } = read(8, [0, 4]);
    expect(timeout()).toEqual([5, 6, 7, 8]);
  });
});
