/** What whoever forges a sender's address can make us send to it: little. And whom that costs nothing: everybody else. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { peerKey } from '../../../src/base/peer.ts';
import { encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { Bench, bytesOf, digest, pattern, type Sent } from '../../kit/bench.ts';
import { deliver, deliverSlowly, Fetcher } from '../../kit/fetcher.ts';
import { blocksIn, MEASUREMENTS, writeBlock } from '../../kit/figures.ts';
import { hex } from '../../kit/hex.ts';
import { seeded } from '../../kit/random.ts';
import { readVectors } from '../../kit/vectors.ts';

const FILES = { abcde: pattern(5000), empty: pattern(0) };
const total = (sent: readonly Sent[]) => sent.reduce((sum, { bytes }) => sum + bytes.length, 0);
const victim = (port: number) => peerKey('203.0.113.9', port);
const new14 = () => bytesOf('RRQ abcde octet');

/** Bytes sent in ten minutes for each byte received. */
function ratio(bench: Bench, requests: readonly { readonly port: number; readonly bytes: Uint8Array }[], everyMs = 0): number {
  let received = 0;
  for (const { port, bytes } of requests) {
    bench.receive(bench.listener, victim(port), bytes);
    received += bytes.length;
    bench.pass(everyMs);
  }
  bench.pass(600_000);
  return total(bench.sent) / received;
}

describe('a peer that never answers', () => {
  test('14 bytes without options: at most 75 times as much', () => {
    const bench = new Bench({ files: FILES });
    expect(new14()).toHaveLength(14);
    const times = ratio(bench, [{ port: 1, bytes: new14() }]);
    expect(times).toBeLessThanOrEqual(75);
    expect(times).toBeGreaterThan(36);
    bench.expectNothingLeft();
  });

  test.each([
    'RRQ abcde octet tsize=0',
    'RRQ abcde octet blksize=65464',
    'RRQ abcde octet windowsize=64',
    'RRQ abcde octet blksize=65464 windowsize=64 tsize=0 timeout=1',
    'RRQ empty octet blksize=512 tsize=0',
    'RRQ missing octet blksize=512',
    'WRQ abcde octet blksize=512',
    'WRQ abcde octet',
  ])('%s: at most 6 times as much', (request) => {
    for (const size of [5000, Number.MAX_SAFE_INTEGER]) {
      const bench = new Bench({ files: FILES, sizes: { abcde: size }, uploadBytes: 1 });
      expect(ratio(bench, [{ port: 1, bytes: bytesOf(request) }])).toBeLessThanOrEqual(6);
    }
  });

  test('every request of a real client that has options: at most 6 times as much', () => {
    for (const { name, bytes, options } of readVectors()) {
      // `multicast` alone leads to no OACK.
      if (!options.some((option) => option.name !== 'multicast')) continue;
      const bench = new Bench({ files: { [name]: FILES.abcde }, uploadBytes: 1 });
      expect(ratio(bench, [{ port: 1, bytes }])).toBeLessThanOrEqual(6);
    }
  });

  test.each([
    ['50 requests from 50 ports', (i: number) => i, 0],
    ['50 requests from 50 ports, one a second', (i: number) => i, 1000],
    ['50 requests from one port, all the same', () => 1, 0],
    ['50 requests from one port, all the same, one a second', () => 1, 1000],
  ])('%s: at most 10 times as much in all', (_, port, everyMs) => {
    const bench = new Bench({ files: FILES });
    const requests = Array.from({ length: 50 }, (_, i) => ({ port: port(i), bytes: new14() }));
    expect(ratio(bench, requests, everyMs)).toBeLessThanOrEqual(10);
    bench.expectNothingLeft();
  });

  test('in single-port mode as well, where a forger knows the port that ACKs go to', () => {
    const bench = new Bench({ files: FILES, singlePort: true });
    const requests = Array.from({ length: 50 }, (_, i) => ({ port: i, bytes: new14() }));
    expect(ratio(bench, requests)).toBeLessThanOrEqual(10);
  });

  test('an hour of requests: what comes back of the allowance is little', () => {
    const bench = new Bench({ files: FILES });
    const requests = Array.from({ length: 3600 }, (_, i) => ({ port: i, bytes: new14() }));
    expect(ratio(bench, requests, 1000)).toBeLessThanOrEqual(10);
  });

  test('a thousand other addresses in between do not wipe the slate', () => {
    const bench = new Bench({ files: FILES });
    for (let round = 0; round < 20; round++) {
      bench.receive(bench.listener, victim(round), new14());
      for (let i = 0; i < 1000; i++)
        bench.receive(bench.listener, peerKey(`10.0.${i >> 8}.${i & 255}`, 5), bytesOf('RRQ x octet'));
    }
    const sent = bench.sent.filter(({ to }) => to >= victim(0) && to <= victim(65535));
    expect(total(sent)).toBeLessThanOrEqual(2048 + 4 * 20 * 14);
  });

  test('an ACK from nowhere gets an ERROR 5, so many a second and within the same budget', () => {
    const bench = new Bench({ files: FILES });
    bench.say('C>69 RRQ abcde octet');
    bench.takeSent();
    for (let second = 0; second < 10; second++) {
      for (let i = 0; i < 1000; i++) bench.receive(bench.endpoint('a'), victim(i), hex('0004 0001'));
      bench.pass(1000);
      const sent = bench.takeSent().filter(({ to }) => to !== peerKey('192.168.7.20', 1024));
      expect(sent.length).toBeLessThanOrEqual(20);
      if (second === 0) expect(sent.length).toBe(20);
    }
  });

  test('requests that nobody can pay for wait in a queue that is bounded, and its oldest goes', () => {
    const bench = new Bench({ files: FILES, engine: { waiting: 10 } });
    for (let i = 0; i < 100; i++) bench.receive(bench.listener, victim(i), new14());
    expect(bench.engine.size).toBeLessThan(40);
    expect(bench.endings.size).toBe(100 - bench.engine.size);
    // The newest still waits.
    expect(bench.endings.has(100)).toBe(false);
    bench.expectNothingLeft();
  });

  test('a request that waits is released when a peer of its address proves itself, or when the allowance has come back', () => {
    const bench = new Bench({ files: FILES, engine: { unprovenBytes: 516, unprovenFactor: 0 } });
    const [one, two] = [1, 2].map((port) => new Fetcher(bench, victim(port), new14()).ask());
    expect(bench.sent.map(({ to }) => to)).toEqual([victim(1)]);
    deliver(bench, [one!, two!]);
    expect(digest(one!.bytes)).toBe(digest(FILES.abcde));
    expect(digest(two!.bytes)).toBe(digest(FILES.abcde));
    bench.expectNothingLeft();
  });

  test('one peer that proves itself releases as many as its share covers', () => {
    const bench = new Bench({ files: FILES, engine: { unprovenBytes: 516, unprovenFactor: 0 } });
    bench.receive(bench.listener, victim(1), new14());
    for (const port of [2, 3, 4]) bench.receive(bench.listener, victim(port), bytesOf('RRQ abcde octet blksize=1024'));
    const [data] = bench.takeSent();
    bench.receive(data!.from, victim(1), hex('0004 0001'));
    expect(bench.takeSent().map(({ to }) => to)).toEqual(expect.arrayContaining([2, 3, 4].map(victim)));
  });

  test('a request that waits is repeated: still one transfer, still waiting', () => {
    const bench = new Bench({ files: FILES, engine: { unprovenBytes: 516, unprovenFactor: 0 } });
    bench.receive(bench.listener, victim(1), new14());
    for (let i = 0; i < 5; i++) bench.receive(bench.listener, victim(2), new14());
    expect(bench.requests).toHaveLength(2);
    expect(bench.sent).toHaveLength(1);
    bench.expectNothingLeft();
  });
});

describe('a forger that sends ACKs to every port that transfers happen on, for a victim that is silent', () => {
  const PORTS = 64;
  /** What Ethernet, IP and UDP add to each datagram. */
  const ON_WIRE = 42;
  const BIG = pattern(5_000_000);

  /** Bytes on the wire: spoofed, and sent to the victim. */
  function attack(options: string, acks: readonly number[]) {
    const bench = new Bench({ files: { big: BIG }, endpoints: PORTS });
    const request = bytesOf(`RRQ big octet ${options}`);
    bench.receive(bench.listener, victim(1), request);
    let spoofed = request.length + ON_WIRE;
    for (const block of acks) {
      const ack = encode({ opcode: Opcode.ack, block });
      for (const endpoint of bench.listener.replies) {
        bench.receive(endpoint, victim(1), ack);
        spoofed += ack.length + ON_WIRE;
      }
      bench.pass(5);
    }
    bench.pass(600_000);
    const sent = bench.sent.filter(({ to }) => to === victim(1));
    const got = total(sent) + sent.length * ON_WIRE;
    bench.expectNothingLeft();
    return { spoofed, got, factor: got / spoofed };
  }

  test.each([
    { options: 'blksize=65464 windowsize=64', acks: [0], most: 1_000_000, factor: 330 },
    { options: 'blksize=1468 windowsize=64', acks: [0], most: 60_000, factor: 20 },
    { options: 'blksize=512 windowsize=64', acks: [0], most: 60_000, factor: 20 },
    { options: 'blksize=1468 windowsize=16', acks: [0], most: 60_000, factor: 20 },
    { options: 'blksize=1468 windowsize=4', acks: [0], most: 30_000, factor: 10 },
    { options: 'blksize=1468', acks: [0], most: 25_000, factor: 10 },
    { options: 'blksize=65464', acks: [0], most: 900_000, factor: 300 },
    // The same ACK twice is an answer, too: a burst once more, and no more than that.
    { options: 'blksize=65464 windowsize=64', acks: [0, 0], most: 1_300_000, factor: 230 },
    { options: 'blksize=1468 windowsize=64', acks: [0, 0], most: 150_000, factor: 25 },
    // Each answer that is guessed opens twice as much.
    { options: 'blksize=65464 windowsize=64', acks: [0, 1, 3], most: 1_500_000, factor: 170 },
    { options: 'blksize=1468 windowsize=64', acks: [0, 23], most: 130_000, factor: 25 },
  ])('$options, ACK $acks: at most $most bytes, $factor times as much', ({ options, acks, most, factor }) => {
    const { spoofed, got, factor: seen } = attack(options, acks);
    console.log(
      `${options}, ACK ${acks.join(', ')}: ${spoofed} bytes spoofed, ${got} to the victim, ${seen.toFixed(1)} times as much`,
    );
    expect(got).toBeLessThanOrEqual(most);
    expect(seen).toBeLessThanOrEqual(factor);
    // It has been attacked at all.
    expect(got).toBeGreaterThan(spoofed);
  });

  // WRITE_FIGURES=1 replaces them.
  test('docs/measurements.md shows what attacks come to', () => {
    const source = 'test/tftp/protocol/amplification.test.ts';
    const rows = (
      [
        ['ACK 0, windowsize 64 × blksize 65464', 'blksize=65464 windowsize=64', [0]],
        ['ACK 0, windowsize 64 × blksize 1468', 'blksize=1468 windowsize=64', [0]],
        ['ACK 0 twice, windowsize 64 × blksize 1468', 'blksize=1468 windowsize=64', [0, 0]],
      ] as const
    ).map(([forged, options, acks]) => {
      const { spoofed, got, factor } = attack(options, acks);
      return `| ${forged} | ${kilobytes(spoofed)} | ${kilobytes(got)} | ${factor.toFixed(1)} |`;
    });
    const text = [
      '| forged, to each of 64 ports | spoofed | the victim gets | factor |',
      '| --- | --- | --- | --- |',
      ...rows,
    ].join('\n');
    if (process.env.WRITE_FIGURES) writeBlock({ source, text });
    expect(blocksIn(readFileSync(MEASUREMENTS, 'utf8')).find((block) => block.source === source)?.text).toBe(text);

    function kilobytes(bytes: number): string {
      return `${(bytes / 1000).toFixed(1)} kB`;
    }
  });

  test('the port of a transfer is chosen by chance, each as often, and never one that the peer uses', () => {
    const random = seeded(1);
    const bench = new Bench({ files: FILES, endpoints: PORTS, random });
    const chosen: number[] = [];
    for (let i = 0; i < 6400; i++) {
      bench.receive(bench.listener, peerKey('10.1.0.1', 1 + i), bytesOf('RRQ missing octet'));
      chosen.push(bench.takeSent().at(-1)!.from.port);
      bench.pass(1000);
    }
    const counts = Map.groupBy(chosen, (port) => port);
    expect(counts.size).toBe(PORTS);
    expect(Math.max(...Array.from(counts.values(), ({ length }) => length))).toBeLessThan(200);
    // One after the other would be one step each time.
    expect(chosen.filter((port, i) => port === (chosen[i - 1] ?? 0) + 1).length).toBeLessThan(300);
    const ports = new Set<number>();
    for (let i = 0; i < PORTS; i++) {
      bench.receive(bench.listener, victim(1), bytesOf(`RRQ missing${i} octet`));
      ports.add(bench.takeSent().at(-1)!.from.port);
    }
    expect(ports.size).toBe(PORTS);
  });
});

describe('1,000 clients behind one address are all served', () => {
  test.each([
    ['with options', 'RRQ abcde octet tsize=0 blksize=1468', 0],
    ['without', 'RRQ abcde octet', 0],
    ['with options, far away', 'RRQ abcde octet tsize=0 blksize=1468', 100],
    ['without, far away', 'RRQ abcde octet', 100],
    ['by windows', 'RRQ abcde octet blksize=1468 windowsize=4', 10],
  ])('%s', (_, request, rttMs) => {
    const bench = new Bench({ files: FILES });
    const fetchers = Array.from(
      { length: 1000 },
      (_, i) => new Fetcher(bench, peerKey('198.51.100.1', 2000 + i), bytesOf(request)),
    );
    for (const fetcher of fetchers) fetcher.ask();
    if (rttMs === 0) deliver(bench, fetchers);
    else deliverSlowly(bench, fetchers, rttMs, 8000);
    expect(fetchers.filter(({ state }) => state === 'done')).toHaveLength(1000);
    expect(fetchers.every(({ bytes }) => Buffer.compare(bytes, FILES.abcde) === 0)).toBe(true);
    expect([...bench.endings.values()].every(({ outcome }) => outcome === 'completed')).toBe(true);
    bench.expectNothingLeft();
  });
});
