/** The simplest client that a bench can have: asks for a file, acknowledges every window, and never sends anything twice. */

import type { PeerKey } from '../../src/base/peer.ts';
import type { ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode } from '../../src/tftp/protocol/packet.ts';
import type { Bench, Sent } from './bench.ts';

export class Fetcher {
  readonly peer: PeerKey;
  /** Payloads in order. */
  readonly pieces: Uint8Array[] = [];
  /** Numbers of the DATA packets that came, in order of arrival. */
  readonly blocks: number[] = [];
  state: 'asking' | 'fetching' | 'done' | 'refused' = 'asking';
  readonly #bench: Bench;
  readonly #request: Uint8Array;
  readonly #ackTimes: number;
  #tid: ServerEndpoint | undefined;
  #blockSize = 512;
  #windowSize = 1;
  #rollover: number;
  #expected = 1;
  #inWindow = 0;

  /** `ackTimes`: how often every ACK is sent; `rollover`: what the client expects unless it is told */
  constructor(bench: Bench, peer: PeerKey, request: Uint8Array, { ackTimes = 1, rollover = 0 } = {}) {
    this.#bench = bench;
    this.peer = peer;
    this.#request = request;
    this.#ackTimes = ackTimes;
    this.#rollover = rollover;
  }

  ask(): this {
    this.#bench.receive(this.#bench.listener, this.peer, this.#request);
    return this;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.pieces));
  }

  handle({ from, bytes }: Sent): void {
    const packet = decode(bytes);
    this.#tid ??= from;
    if (from !== this.#tid || this.state === 'done') return;
    if (packet?.opcode === Opcode.error) this.state = 'refused';
    else if (packet?.opcode === Opcode.oack && this.state === 'asking') {
      this.state = 'fetching';
      for (const { name, value } of packet.options) {
        if (name.toLowerCase() === 'blksize') this.#blockSize = Number(value);
        if (name.toLowerCase() === 'windowsize') this.#windowSize = Number(value);
        if (name.toLowerCase() === 'rollover') this.#rollover = Number(value);
      }
      this.#ack(0);
    } else if (packet?.opcode === Opcode.data) this.#data(packet.block, packet.payload);
  }

  #data(block: number, payload: Uint8Array): void {
    this.blocks.push(block);
    if (block !== this.#expected) return;
    this.state = 'fetching';
    this.pieces.push(payload.slice());
    this.#expected = block === 65535 ? this.#rollover : block + 1;
    if (payload.length < this.#blockSize) this.state = 'done';
    if (++this.#inWindow < this.#windowSize && this.state !== 'done') return;
    this.#inWindow = 0;
    this.#ack(block);
  }

  #ack(block: number): void {
    for (let i = 0; i < this.#ackTimes; i++) {
      this.#bench.receive(this.#tid!, this.peer, encode({ opcode: Opcode.ack, block }));
    }
  }
}

/** Brings every datagram to its fetcher, and so on until nothing is sent any more. Returns all of them. */
export function deliver(bench: Bench, fetchers: readonly Fetcher[]): Sent[] {
  const byPeer = new Map(fetchers.map((fetcher) => [fetcher.peer, fetcher]));
  const all: Sent[] = [];
  for (let sent = bench.takeSent(); sent.length > 0; sent = bench.takeSent()) {
    for (const datagram of sent) byPeer.get(datagram.to)?.handle(datagram);
    all.push(...sent);
  }
  return all;
}

/** The same with a round trip that takes time, for so long. */
export function deliverSlowly(bench: Bench, fetchers: readonly Fetcher[], rttMs: number, forMs: number): Sent[] {
  const byPeer = new Map(fetchers.map((fetcher) => [fetcher.peer, fetcher]));
  const all: Sent[] = [];
  const underway: Sent[] = [];
  for (const end = bench.now + forMs; bench.now < end; bench.pass(1)) {
    underway.push(...bench.takeSent());
    while (underway[0] && underway[0].at + rttMs <= bench.now) {
      const datagram = underway.shift()!;
      byPeer.get(datagram.to)?.handle(datagram);
      all.push(datagram);
    }
  }
  return [...all, ...underway];
}
