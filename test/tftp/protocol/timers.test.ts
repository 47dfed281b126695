/** What happens when nothing comes: how long, how often, and whose fault it is. */
import { describe, expect, test } from 'vitest';
import { decode, encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { Bench, type BenchOptions, bytesOf, digest, pattern, peerNamed, textOf, uploaded } from '../../kit/bench.ts';
import { deliver, Fetcher } from '../../kit/fetcher.ts';

const FILES = { f: pattern(3000), long: pattern(65536 + 100) };
const READ = 'C>69 RRQ f octet';

/** What was sent and when. */
const timetable = (bench: Bench) => bench.sent.map(({ at, bytes }) => `${at}: ${textOf(decode(bytes)!)}`);
const intervals = (times: readonly number[]) => times.slice(1).map((time, i) => time - times[i]!);

describe('a peer that never answers', () => {
  test.each([
    ['RRQ f octet', 'DATA 1 512'],
    ['RRQ f octet tsize=0 blksize=1468', 'OACK tsize=3000 blksize=1468'],
    ['WRQ f octet', 'ACK 0'],
    ['WRQ f octet blksize=1468', 'OACK blksize=1468'],
  ])('%s: the first reply, once more after a second, and no third time', (request, reply) => {
    const bench = new Bench({ files: FILES, uploadBytes: 1, random: () => 0.999 });
    bench.say(`C>69 ${request}`);
    bench.pass(9999);
    expect(bench.engine.size).toBe(1);
    bench.pass(1);
    expect(timetable(bench)).toEqual([`0: ${reply}`, `1000: ${reply}`]);
    expect(bench.ending).toMatchObject({ outcome: 'failed', bytes: 0, durationMs: 10_000, rttMs: undefined });
    bench.expectNothingLeft();
    expect(bench.sent).toHaveLength(2);
  });

  test('a timeout that it asked for is in force for the first reply, too', () => {
    const bench = new Bench({ files: FILES, transfer: { maxTimeoutMs: 500 } });
    bench.say(READ);
    bench.pass(20_000);
    expect(timetable(bench)).toEqual(['0: DATA 1 512', '500: DATA 1 512']);
  });
});

describe('a peer that falls silent', () => {
  /** A transfer in which every round trip takes `rttMs`, until the client has acknowledged 4 of its 6 blocks. */
  function silent(rttMs: number, request = 'RRQ f octet', options: BenchOptions = {}): Bench {
    const bench = new Bench({ files: FILES, ...options });
    bench.say(`C>69 ${request}`);
    const first = request.includes('=') ? 0 : 1;
    for (let block = first; block <= 4; block++) {
      bench.pass(rttMs);
      bench.say(`C>a ACK ${block}`);
    }
    return bench;
  }

  /** When block 5 was sent, counted from the first time. */
  function resends(bench: Bench, ms: number): number[] {
    const start = bench.now;
    bench.takeSent();
    bench.pass(ms);
    expect(bench.sent.every(({ bytes }) => textOf(decode(bytes)!) === 'DATA 5 512')).toBe(true);
    return [0, ...bench.sent.map(({ at }) => at - start)];
  }

  test.each([
    [0, 20, 21],
    [1, 20, 25],
    [10, 30, 50],
    [100, 120, 300],
    [900, 920, 2700],
  ])('with a round trip of %i ms it is reminded after %i to %i ms', (rttMs, least, most) => {
    const [, first] = resends(silent(rttMs), 5000);
    expect(first).toBeGreaterThanOrEqual(least);
    expect(first).toBeLessThanOrEqual(most);
  });

  test('each time after twice as long, so often as configured, then it is only waited for', () => {
    const bench = silent(100);
    const times = resends(bench, 29_999);
    const waits = intervals(times);
    expect(times).toHaveLength(1 + 12);
    for (const [i, wait] of waits.entries()) expect(wait).toBeCloseTo(Math.min(3000, waits[0]! * 2 ** i), 6);
    expect(bench.engine.size).toBe(1);
    bench.pass(1);
    expect(bench.ending).toMatchObject({ outcome: 'failed', bytes: 4 * 512, retransmissions: 12, lastAckMissing: false });
    bench.expectNothingLeft();
  });

  test('progress gives it its retries again', () => {
    const bench = silent(10, 'RRQ f octet', { files: { f: pattern(6000) } });
    expect(resends(bench, 25_000)).toHaveLength(1 + 12);
    bench.say('C>a ACK 5');
    bench.takeSent();
    const start = bench.now;
    bench.pass(20_000);
    expect(bench.sent.length).toBeGreaterThanOrEqual(3);
    expect(bench.sent[0]!.at - start).toBeLessThanOrEqual(3000);
  });

  test('jitter makes the waits shorter, a quarter at the most', () => {
    const steady = intervals(resends(silent(100), 29_000));
    const jittery = intervals(resends(silent(100, 'RRQ f octet', { random: () => 0.999 }), 29_000));
    expect(jittery[0]).toBe(steady[0]);
    for (const [i, wait] of jittery.entries()) {
      if (i === 0) continue;
      expect(wait).toBeLessThan(steady[i]!);
      expect(wait).toBeGreaterThanOrEqual(steady[i]! * 0.75);
    }
  });

  test.each([
    [1, 0],
    [1, 0.999],
    [2, 0.5],
    [5, 0],
  ])('a negotiated timeout of %i s is the longest wait (jitter %d)', (seconds, random) => {
    const bench = silent(100, `RRQ f octet timeout=${seconds}`, { random: () => random, transfer: { retries: 100 } });
    const waits = intervals(resends(bench, 29_000));
    expect(Math.max(...waits)).toBeLessThanOrEqual(seconds * 1000);
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(seconds * 750);
  });

  test('GRUB with fifty packets queued, AudioCodes writing its flash: after 25 s it goes on where it was', () => {
    const bench = silent(10);
    bench.pass(25_000);
    bench.takeSent();
    bench.say('C>a ACK 5');
    bench.say('C>a ACK 6');
    expect(timetable(bench).map((line) => line.split(': ')[1])).toEqual(['DATA 6 440']);
    expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: 3000, lastAckMissing: false });
  });

  test('the answer to a block that was sent twice measures nothing (Karn)', () => {
    const bench = silent(10);
    expect(bench.engine.progress()[0]!.rttMs).toBeCloseTo(10);
    bench.pass(700);
    bench.say('C>a ACK 5');
    expect(bench.engine.progress()[0]!.rttMs).toBeCloseTo(10);
  });

  test('whoever repeats an old ACK does not put the timer off', () => {
    const bench = silent(10);
    const start = bench.now;
    bench.takeSent();
    // More often than any wait: the answer must come from the timer all the same.
    for (let i = 0; i < 1000; i++) {
      bench.pass(15);
      bench.say('C>a ACK 4');
    }
    const times = [0, ...bench.sent.map(({ at }) => at - start)];
    expect(times.length).toBeGreaterThanOrEqual(8);
    expect(intervals(times)[0]).toBeLessThanOrEqual(50);
  });

  test('… nor the end', () => {
    const bench = silent(10);
    for (let i = 0; i < 299; i++) {
      bench.pass(100);
      bench.say('C>a ACK 4');
    }
    expect(bench.engine.size).toBe(1);
    bench.pass(100);
    expect(bench.ending.outcome).toBe('failed');
  });

  test('a clock with fractions ends it all the same', () => {
    for (let i = 0; i < 200; i++) {
      const bench = new Bench({ files: FILES, transfer: { idleMs: 0.1 + i / 7 } });
      bench.pass(i / 3);
      bench.say(READ);
      bench.pass(0.1 + i / 11);
      bench.say('C>a ACK 1');
      bench.expectNothingLeft();
    }
  });
});

describe('a control plane that is slow', () => {
  test('the answer comes after a quarter of a minute: the client has its time from then on', () => {
    const bench = new Bench({ files: FILES, answerMs: 15_000 });
    bench.converse([
      'C>69 RRQ f octet blksize=1468',
      '+12000',
      'C>69 RRQ f octet blksize=1468',
      '+3000',
      'C<a OACK blksize=1468',
      '+500',
      'C>69 RRQ f octet blksize=1468',
      'C<a OACK blksize=1468',
      '+9000',
      'C>a ACK 0',
      'C<a DATA 1 1468',
      'C>a ACK 1',
      'C<a DATA 2 1468',
      'C>a ACK 2',
      'C<a DATA 3 64',
      'C>a ACK 3',
      '= f completed 3000',
    ]);
  });

  test('the answer never comes: the request ends, and an answer later than that is told so', () => {
    const bench = new Bench({ files: FILES, answerMs: Number.POSITIVE_INFINITY });
    bench.say(READ);
    bench.pass(300_000);
    expect(bench.ending).toMatchObject({ outcome: 'failed', error: { code: 0, message: 'no answer from the server' } });
    const answer = { kind: 'read', size: 3000, first: FILES.f, limits: { ...bench.options.transfer } } as never;
    expect(bench.engine.answer(1, answer, bench.now)).toBe(false);
    expect(bench.sent).toEqual([]);
  });

  test('the content comes later than a client may be silent: the client is not to blame', () => {
    const bench = new Bench({ files: FILES, supplyMs: 40_000 });
    const fetcher = new Fetcher(bench, peerNamed('C'), bytesOf('RRQ long octet blksize=1024')).ask();
    deliver(bench, [fetcher]);
    expect(fetcher.blocks).toHaveLength(64);
    bench.pass(39_999);
    expect(bench.sent).toEqual([]);
    bench.pass(2);
    expect(bench.engine.size).toBe(1);
    deliver(bench, [fetcher]);
    expect(digest(fetcher.bytes)).toBe(digest(FILES.long));
    expect(bench.ending).toMatchObject({ outcome: 'completed', lastAckMissing: false, retransmissions: 0 });
  });

  test.each([
    ['content', { files: FILES, supplyMs: Number.POSITIVE_INFINITY }, 'RRQ long octet'],
    ['sink', { uploadBytes: 1e9, writeMs: Number.POSITIVE_INFINITY }, 'WRQ up octet'],
  ])('a %s that hangs for good is given up after five minutes, and the client is told', (_, options, request) => {
    const bench = new Bench(options);
    if (request.startsWith('RRQ')) deliver(bench, [new Fetcher(bench, peerNamed('C'), bytesOf(request)).ask()]);
    else {
      bench.say(`C>69 ${request}`);
      bench.say('C>a DATA 1 10');
    }
    bench.takeSent();
    bench.pass(299_999);
    expect([bench.engine.size, bench.takeSent()]).toEqual([1, []]);
    bench.pass(1);
    expect(bench.takeSent().map(({ bytes }) => textOf(decode(bytes)!))).toEqual(['ERROR 0 internal error']);
    expect(bench.ending).toMatchObject({ outcome: 'failed', error: { code: 0, message: 'internal error' } });
  });

  test('the disk is slower than the uploader: no ACK until there is room, and nobody is given up for it', () => {
    const bench = new Bench({ uploadBytes: 1e9, writeMs: 40_000 });
    const size = 40 * 32_768 + 7;
    bench.say('C>69 WRQ up octet blksize=32768');
    let block = 0;
    const acked = () => bench.sent.some(({ bytes }) => textOf(decode(bytes)!) === `ACK ${block}`);
    let stalls = 0;
    while (bench.endings.size === 0) {
      block++;
      const payload = uploaded(size).subarray((block - 1) * 32_768, block * 32_768);
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.data, block, payload }));
      // A patient sender: it says nothing until its ACK comes.
      while (!acked()) {
        stalls++;
        bench.pass(10_000);
        expect(stalls).toBeLessThan(1000);
      }
    }
    expect(stalls).toBeGreaterThan(4);
    expect(bench.ending).toMatchObject({ outcome: 'completed', bytes: size });
    expect(digest(bench.stored.get('up'))).toBe(digest(uploaded(size)));
  });

  test('an uploader that heeds no ACK is not read further than there is room', () => {
    const bench = new Bench({ uploadBytes: 1e9, writeMs: 40_000 });
    bench.say('C>69 WRQ up octet blksize=65464 windowsize=2');
    const payload = new Uint8Array(65_464);
    for (let block = 1; block <= 1000; block++) {
      bench.receive(bench.endpoint('a'), peerNamed('C'), encode({ opcode: Opcode.data, block, payload }));
    }
    expect(bench.engine.progress()[0]!.bytes).toBeLessThanOrEqual(4 * 65_536 + 4 * 65_464);
  });
});

describe('a loop that stood still, and is patient', () => {
  test('sends the rest of a window that it had held back; whom it blames for silence, it blames when patience ends', () => {
    const bench = new Bench({ files: { long: pattern(256 * 1024) } });
    const blocks = () => bench.takeSent().map(({ bytes }) => textOf(decode(bytes)!).split(' ')[1]);
    const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
    bench.say('C>69 RRQ long octet blksize=1024 windowsize=64');
    for (const block of [0, 32, 64]) bench.say(`C>a ACK ${block}`);
    bench.pass(2);
    bench.takeSent();
    // A gap: half as much goes out at a time, with a pause.
    bench.say('C>a ACK 74');
    expect(blocks()).toEqual(numbers(75, 106));
    const patientUntil = bench.now + 500;
    bench.engine.expire(bench.now + 1, patientUntil);
    expect(blocks()).toEqual(numbers(107, 138));
    bench.engine.expire(patientUntil - 1, patientUntil);
    expect(blocks()).toEqual([]);
    expect(bench.engine.nextDeadline).toBe(patientUntil);
    bench.engine.expire(patientUntil, 0);
    expect(blocks()).toEqual(['75']);
  });

  test('does not give a peer up, or ask it again, before', () => {
    const bench = new Bench({ files: FILES, transfer: { idleMs: 1000 } });
    bench.say(READ);
    bench.say('C>a ACK 1');
    bench.takeSent();
    bench.engine.expire(5000, 5001);
    expect(bench.sent).toEqual([]);
    expect(bench.engine.size).toBe(1);
    bench.engine.expire(5001, 0);
    expect(bench.ending).toMatchObject({ outcome: 'failed', error: { message: 'no answer from the client' } });
  });
});
