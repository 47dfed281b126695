/**
 * Clients that ask for a larger window than their socket holds, and take their time over each block: what comes while it is full
 * is lost, and since it is the end of a window that is, they have nothing to report and wait.
 */
import { expect, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode } from '../../../src/tftp/protocol/packet.ts';
import { pattern } from '../../kit/bench.ts';
import { EngineHost } from '../../kit/hosts.ts';
import { type BoundEndpoint, type Host, Network, PERFECT } from '../../kit/network.ts';

const SIZE = 3_000_017;

interface Reader {
  readonly blockSize: number;
  readonly windowSize: number;
  /** Datagrams that its socket holds. */
  readonly holds: number;
  /** How long a block takes it, give or take half of that. */
  readonly blockMs: number;
}

/** Reads as atftp 0.8 does: an ACK for each whole window, one for the first block out of order, silence until one fits again. */
class SlowReader implements Host {
  readonly nextDeadline = Number.POSITIVE_INFINITY;
  received = 0;
  endedAt = 0;
  lost = 0;
  readonly #network: Network;
  readonly #reader: Reader;
  readonly #endpoint: BoundEndpoint;
  readonly #queue: { readonly from: PeerKey; readonly datagram: Uint8Array }[] = [];
  #busy = false;
  #block = 0;
  #sinceAck = 0;
  #strayed = false;

  constructor(network: Network, reader: Reader) {
    this.#network = network;
    this.#reader = reader;
    this.#endpoint = network.bind(this, '10.0.0.2', 50_000);
  }

  start(): void {
    const { blockSize, windowSize } = this.#reader;
    const options = [
      { name: 'blksize', value: String(blockSize) },
      { name: 'windowsize', value: String(windowSize) },
    ];
    const request = encode({ opcode: Opcode.rrq, name: 'large', mode: 'octet', options });
    this.#network.poke(() => this.#network.outbox.send(this.#endpoint, peerKey('10.0.0.1', 69), request));
  }

  receive(_endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array): void {
    if (this.#queue.length === this.#reader.holds) this.lost++;
    else this.#queue.push({ from, datagram });
    this.#next();
  }

  expire(): void {}

  leftovers(): string[] {
    return this.endedAt > 0 ? [] : [`a reader at block ${this.#block}`];
  }

  #next(): void {
    const next = this.#busy ? undefined : this.#queue.shift();
    if (!next) return;
    this.#busy = true;
    const { from, datagram } = next;
    const packet = decode(datagram)!;
    const fits = packet.opcode === Opcode.data && packet.block === this.#block + 1;
    const ms = fits ? this.#reader.blockMs * (0.5 + this.#network.random()) : 0;
    this.#network.after(ms, () => {
      this.#busy = false;
      if (packet.opcode === Opcode.oack) this.#acknowledge(from);
      else if (packet.opcode === Opcode.data) this.#take(from, packet.block, packet.payload.length);
      this.#next();
    });
  }

  #take(from: PeerKey, block: number, length: number): void {
    if (block !== this.#block + 1) {
      if (!this.#strayed) this.#acknowledge(from);
      this.#strayed = true;
      return;
    }
    this.#strayed = false;
    this.#block = block;
    this.received += length;
    const last = length < this.#reader.blockSize;
    if (last) this.endedAt = this.#network.now;
    if (last || ++this.#sinceAck === this.#reader.windowSize) this.#acknowledge(from);
  }

  #acknowledge(to: PeerKey): void {
    this.#sinceAck = 0;
    this.#network.outbox.send(this.#endpoint, to, encode({ opcode: Opcode.ack, block: this.#block }));
  }
}

test.each<Reader & { readonly again: number }>([
  { blockSize: 8192, windowSize: 16, holds: 12, blockMs: 0.5, again: 0.2 },
  { blockSize: 8192, windowSize: 16, holds: 12, blockMs: 2, again: 0.5 },
  { blockSize: 8192, windowSize: 16, holds: 12, blockMs: 10, again: 0.6 },
  { blockSize: 8192, windowSize: 64, holds: 12, blockMs: 2, again: 4.5 },
  { blockSize: 1428, windowSize: 64, holds: 40, blockMs: 0.3, again: 0.7 },
  { blockSize: 1428, windowSize: 64, holds: 25, blockMs: 2, again: 2 },
  { blockSize: 1428, windowSize: 16, holds: 8, blockMs: 2, again: 1.2 },
])('windows of $windowSize × $blockSize, a socket that holds $holds, $blockMs ms for each', ({ again, ...reader }) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const network = new Network({ seed, link: { ...PERFECT, delayMs: 0.1 } });
    const server = new EngineHost(network);
    server.files.set('large', pattern(SIZE));
    const client = new SlowReader(network, reader);
    client.start();
    network.run();
    const blocks = Math.ceil(SIZE / reader.blockSize);
    expect({ seed, received: client.received, left: network.leftovers() }).toEqual({ seed, received: SIZE, left: [] });
    expect(client.lost, 'it is about losses').toBeGreaterThan(0);
    expect(client.endedAt / (blocks * reader.blockMs), `seed ${seed}: times as long as its reading takes`).toBeLessThan(3);
    expect(server.endings[0]!.retransmissions / blocks, `seed ${seed}: a block was sent again so often`).toBeLessThan(again);
  }
});
