/**
 * Slow start and the clients that there are: each gets its file, and what the first window costs more is a few round trips. How a
 * client reports a gap, and where its window ends afterwards, is what they differ in.
 */
import { describe, expect, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { Bench, pattern } from '../../kit/bench.ts';
import { DownloadingHost, EngineHost } from '../../kit/hosts.ts';
import { type BoundEndpoint, type Host, type Link, Network, PERFECT } from '../../kit/network.ts';
import { seeded } from '../../kit/random.ts';
import { Witness } from './witness.ts';

const SERVER = peerKey('10.0.0.1', 69);
const DELAY_MS = 5;
const RTT_MS = 2 * DELAY_MS;

interface Manners {
  /** Which blocks that are not the next one are answered by an ACK: of each gap the first, all of them, those ahead, or none. */
  readonly reports: 'once' | 'all' | 'ahead' | 'none';
  /** Such an ACK moves the end of the window (RFC 7440 §4). */
  readonly moves: boolean;
  /** How long it waits before it repeats an ACK: its last one, or one of the last block that came. */
  readonly timeoutMs: number;
  readonly repeats: 'last ACK' | 'last block';
}

const CLIENTS: Readonly<Record<string, Manners>> = {
  'U-Boot 2024': { reports: 'once', moves: true, timeoutMs: 5000, repeats: 'last block' },
  'U-Boot, silent about what it has': { reports: 'ahead', moves: true, timeoutMs: 5000, repeats: 'last block' },
  EDK2: { reports: 'all', moves: false, timeoutMs: 4000, repeats: 'last block' },
  'EDK2, with the window moved': { reports: 'all', moves: true, timeoutMs: 4000, repeats: 'last block' },
  'atftp 0.8': { reports: 'once', moves: true, timeoutMs: 5000, repeats: 'last block' },
};
/** They break RFC 7440 §4, and are heard when their own timer sends. */
const DEAF: Readonly<Record<string, Manners>> = {
  'a client that reports no gap': { reports: 'none', moves: false, timeoutMs: 1000, repeats: 'last block' },
  'a client that reports no gap and repeats its last ACK': {
    reports: 'none',
    moves: false,
    timeoutMs: 1000,
    repeats: 'last ACK',
  },
};

/** Asks for `f` at once, and keeps to its manners. */
class Client implements Host {
  received = 0;
  endedAt = 0;
  nextDeadline = Number.POSITIVE_INFINITY;
  readonly endpoint: BoundEndpoint;
  readonly #network: Network;
  readonly #manners: Manners;
  readonly #blockSize: number;
  readonly #windowSize: number;
  readonly #ask: () => void;
  #from: PeerKey | undefined;
  #block = 0;
  #windowEnd: number;
  #lastAck = 0;
  #reported = -1;

  constructor(network: Network, manners: Manners, blockSize: number, windowSize: number) {
    this.#network = network;
    this.#manners = manners;
    this.#blockSize = blockSize;
    this.#windowSize = windowSize;
    this.#windowEnd = windowSize;
    this.endpoint = network.bind(this, '10.0.0.2', 50_000);
    const options = [
      { name: 'blksize', value: String(blockSize) },
      { name: 'windowsize', value: String(windowSize) },
    ];
    const request = encode({ opcode: Opcode.rrq, name: 'f', mode: 'octet', options });
    this.#ask = () => network.outbox.send(this.endpoint, SERVER, request);
    network.after(0, this.#ask);
    this.nextDeadline = manners.timeoutMs;
  }

  receive(_endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    const packet = decode(datagram)!;
    this.#from ??= from;
    if (packet.opcode === Opcode.oack) return this.#block === 0 ? this.#acknowledge(0, now) : undefined;
    if (packet.opcode !== Opcode.data) return;
    // Its last ACK may be lost.
    if (this.endedAt > 0) return this.#send(this.#block);
    const { reports, moves } = this.#manners;
    if (packet.block !== (this.#block + 1) % 65536) {
      const isAhead = (packet.block - this.#block + 65536) % 65536 < 32768;
      const reported = this.#reported === this.#block;
      if (reports === 'none' || (reports === 'ahead' && !isAhead) || (reports !== 'all' && reported)) return;
      this.#reported = this.#block;
      if (moves) this.#windowEnd = this.#block + this.#windowSize;
      return this.#acknowledge(this.#block, now);
    }
    this.#block++;
    this.received += packet.payload.length;
    this.nextDeadline = now + this.#manners.timeoutMs;
    const isLast = packet.payload.length < this.#blockSize;
    if (!isLast && this.#block < this.#windowEnd) return;
    this.#windowEnd = this.#block + this.#windowSize;
    this.#acknowledge(this.#block, now);
    if (!isLast) return;
    this.endedAt = now;
    this.nextDeadline = Number.POSITIVE_INFINITY;
  }

  expire(now: number): void {
    if (this.#from === undefined) {
      this.nextDeadline = now + this.#manners.timeoutMs;
      return this.#ask();
    }
    if (this.#manners.repeats === 'last block') this.#windowEnd = this.#block + this.#windowSize;
    this.#acknowledge(this.#manners.repeats === 'last ACK' ? this.#lastAck : this.#block, now);
  }

  leftovers(): string[] {
    return this.endedAt > 0 ? [] : [`a client at block ${this.#block}`];
  }

  #acknowledge(block: number, now: number): void {
    this.#lastAck = block;
    this.nextDeadline = now + this.#manners.timeoutMs;
    this.#send(block);
  }

  #send(block: number): void {
    this.#network.outbox.send(this.endpoint, this.#from!, encode({ opcode: Opcode.ack, block: block % 65536 }));
  }
}

/** How long a transfer takes, in round trips, and how many blocks came twice. */
function fetch(manners: Manners, blockSize: number, windowSize: number, blocks: number, link: Partial<Link> = {}, seed = 1) {
  const network = new Network({ seed, link: { ...PERFECT, delayMs: DELAY_MS, ...link } });
  const witness = new Witness(network);
  const server = new EngineHost(network);
  const size = (blocks - 1) * blockSize + 7;
  server.files.set('f', seeded(2).bytes(size));
  const client = new Client(network, manners, blockSize, windowSize);
  network.run();
  expect({ left: network.leftovers(), received: client.received }).toEqual({ left: [], received: size });
  expect(server.endings.map(({ outcome }) => outcome)).toEqual(['completed']);
  return { roundTrips: client.endedAt / RTT_MS, ms: client.endedAt, data: witness.dataSent(client.endpoint.key) };
}

/** Window × block, and the questions that growing from 32 KiB takes. */
const WINDOWS: readonly (readonly [number, number, number])[] = [
  [4, 1468, 0],
  [16, 1468, 0],
  [24, 1468, 2],
  [64, 1468, 2],
  [64, 8192, 5],
  [2, 65464, 2],
  [64, 65464, 7],
];

describe.each(Object.entries(CLIENTS))('%s', (_, manners) => {
  // A window that ends amid the last three blocks looks like a gap.
  const unmoved = manners.moves ? 0 : 1;

  test.each(WINDOWS)('windows of %i × %i: %i round trips and blocks more for a file, at the most', (window, block, more) => {
    for (const blocks of [window, window + 1, window + 2, 3 * window, 3 * window + 1]) {
      const { roundTrips, data } = fetch(manners, block, window, blocks);
      // One is for the request. Bursts of a window are a millisecond apart.
      expect(roundTrips - 1 - Math.ceil(blocks / window)).toBeLessThanOrEqual(more + 0.5);
      expect(data - blocks).toBeLessThanOrEqual(more + unmoved);
    }
  });

  test('files that end where a burst does, or a block or two later', () => {
    for (const blocks of [22, 23, 24, 25, 26, 45, 46, 47, 63, 64, 65, 66]) {
      const { data, ms } = fetch(manners, 1468, 64, blocks);
      expect(data - blocks, `${blocks} blocks`).toBeLessThanOrEqual(2 + unmoved);
      expect(ms, `${blocks} blocks, without a time-out`).toBeLessThan(5.5 * RTT_MS);
    }
  });

  test('where 2 of 100 are lost, slow start is soon over', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { data } = fetch(manners, 1468, 64, 1000, { loss: 0.02 }, seed);
      expect(data).toBeLessThan(4000);
    }
  });
});

describe.each(Object.entries(DEAF))('%s', (_, manners) => {
  test.each(WINDOWS)('windows of %i × %i: %i of its time-outs at the most', (window, block, more) => {
    const { ms } = fetch(manners, block, window, 3 * window);
    expect(ms).toBeLessThan((more + 0.5) * manners.timeoutMs + 20 * RTT_MS);
  });
});

test('a file that is shorter than the first burst ends where it ends, whatever is asked about it', () => {
  const bench = new Bench({ files: { f: pattern(4 * 1468 + 5) } });
  bench.say('C>69 RRQ f octet blksize=1468 windowsize=64');
  bench.say('C>a ACK 0');
  bench.pass(60_000);
  const blocks = bench.takeSent().flatMap(({ bytes }) => {
    const packet = decode(bytes)!;
    return packet.opcode === Opcode.data ? [packet.block] : [];
  });
  expect(blocks.slice(0, 14)).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 5, 1, 5, 1]);
  expect(Math.max(...blocks)).toBe(5);
});

test.each(WINDOWS)('our own client, windows of %i × %i: %i round trips more at the most', (windowSize, blockSize, more) => {
  const network = new Network({ seed: 1, link: { ...PERFECT, delayMs: DELAY_MS } });
  const witness = new Witness(network);
  const server = new EngineHost(network);
  server.files.set('f', seeded(2).bytes(10 * windowSize * blockSize - 1));
  const client = new DownloadingHost(network, { address: '10.0.1.1', name: 'f', options: { blockSize, windowSize } });
  client.start();
  network.run();
  expect(client.ending).toBe('completed');
  expect(client.endedAt / RTT_MS).toBeLessThanOrEqual(11 + more + 0.5);
  expect(witness.resent).toBeLessThanOrEqual(more);
  expect(witness.violations).toEqual([]);
});
