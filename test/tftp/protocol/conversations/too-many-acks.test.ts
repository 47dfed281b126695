/** Clients that acknowledge too often. */
import { describe, expect, test } from 'vitest';
import { Bench, bytesOf, digest, pattern, peerNamed } from '../../../kit/bench.ts';
import { deliver, Fetcher } from '../../../kit/fetcher.ts';

describe('who acknowledges too often', () => {
  test("51 blocks, every ACK doubled: every DATA once (RFC 1123 §4.2.3.1, the Sorcerer's Apprentice)", () => {
    const bench = new Bench({ files: { f: pattern(50 * 512 + 100) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet'), { ackTimes: 2 }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(bench.options.files!.f));
    expect(fetcher.blocks).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    expect(bench.ending).toMatchObject({ outcome: 'completed', retransmissions: 0 });
    bench.expectNothingLeft();
  });

  test('51 blocks with an OACK, every ACK tenfold, ACK 0 too: every DATA once', () => {
    const bench = new Bench({ files: { f: pattern(50 * 1024) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet blksize=1024'), { ackTimes: 10 }).ask();
    deliver(bench, [fetcher]);
    expect(fetcher.blocks).toEqual(Array.from({ length: 51 }, (_, i) => i + 1));
    bench.expectNothingLeft();
  });

  test('windows of 4, every ACK tenfold: a window twice at the most', () => {
    const bench = new Bench({ files: { f: pattern(200 * 512) } });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ f octet windowsize=4'), { ackTimes: 10 }).ask();
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(bench.options.files!.f));
    expect(fetcher.blocks.length).toBeLessThanOrEqual(2 * 201);
    bench.expectNothingLeft();
  });
});
