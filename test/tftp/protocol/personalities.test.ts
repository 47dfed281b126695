/**
 * Clients as they are in the field (FIELD.md §1), scripted, on the simulated network: whatever they do, the file arrives and
 * the number of DATA stays within a bound.
 */
import { describe, expect, test } from 'vitest';
import { type PeerKey, peerKey } from '../../../src/base/peer.ts';
import type { ServerEndpoint } from '../../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode, type Option, type Packet } from '../../../src/tftp/protocol/packet.ts';
import { DownloadingHost, EngineHost, type EngineHostOptions, join, UploadingHost } from '../../kit/hosts.ts';
import { type BoundEndpoint, type Host, type Link, Network, PERFECT, type Sending } from '../../kit/network.ts';
import { seeded } from '../../kit/random.ts';
import { Witness } from './witness.ts';

const SERVER = peerKey('10.0.0.1', 69);

/** A client that is nothing but a script: told of packets, it sends what it likes. */
class Script implements Host {
  readonly nextDeadline = Number.POSITIVE_INFINITY;
  readonly endpoint: BoundEndpoint;
  /** DATA packets that came. */
  data = 0;
  /** Where the transfer happens, once something came from there. */
  from: PeerKey | undefined;
  received: Uint8Array[] = [];
  readonly errors: number[] = [];
  readonly #network: Network;
  readonly #onPacket: (packet: Packet, script: Script, from: PeerKey) => void;

  constructor(network: Network, onPacket: (packet: Packet, script: Script, from: PeerKey) => void, port = 2001) {
    this.#network = network;
    this.#onPacket = onPacket;
    this.endpoint = network.bind(this, '10.0.1.1', port);
  }

  receive(_endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array): void {
    const packet = decode(datagram);
    if (!packet) throw new Error('the server sent what is no packet');
    this.from = from;
    if (packet.opcode === Opcode.data) this.data++;
    if (packet.opcode === Opcode.error) this.errors.push(packet.code);
    this.#onPacket(packet, this, from);
  }

  expire(): void {}

  leftovers(): string[] {
    return [];
  }

  /** The number of blocks that came in order so far. */
  get blocks(): number {
    return this.received.length;
  }

  /** Keeps the payload if it is the next one. Returns whether it was. */
  keep(packet: Packet): boolean {
    if (packet.opcode !== Opcode.data || packet.block !== (this.blocks + 1) % 65536) return false;
    this.received.push(packet.payload.slice());
    return true;
  }

  ask(name: string, options: Record<string, string | number> = {}): void {
    const list: Option[] = Object.entries(options).map(([option, value]) => ({ name: option, value: String(value) }));
    this.send(SERVER, encode({ opcode: Opcode.rrq, name, mode: 'octet', options: list }));
  }

  ack(block: number, padding = 0): void {
    const ack = encode({ opcode: Opcode.ack, block: block % 65536 });
    this.send(this.from!, join([ack, new Uint8Array(padding)]));
  }

  error(code: number, to = this.from!): void {
    this.send(to, encode({ opcode: Opcode.error, code, message: '' }));
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    this.#network.outbox.send(this.endpoint, to, datagram);
  }
}

interface Stage {
  readonly network: Network;
  readonly server: EngineHost;
  readonly witness: Witness;
}

function stage(files: Record<string, Uint8Array>, link: Link = PERFECT, options: EngineHostOptions = {}): Stage {
  const network = new Network({ seed: 7, link });
  const witness = new Witness(network);
  const server = new EngineHost(network, options);
  for (const [name, bytes] of Object.entries(files)) server.files.set(name, bytes);
  return { network, server, witness };
}

/** Runs to the end, and holds everybody to the rules. */
function finish({ network, witness }: Stage): void {
  network.run();
  expect(witness.violations).toEqual([]);
  expect(network.leftovers()).toEqual([]);
}

const FILE = seeded(1).bytes(50 * 512 + 100);

describe('EDK2', () => {
  /** No ACK for an incomplete window; one ACK of the last good block for each that it has already or that is out of order. */
  function edk2(lost: ReadonlySet<number>, blocks: number): { sent: number; script: Script } {
    const dropped = new Set(lost);
    const set = stage({ f: seeded(2).bytes((blocks - 1) * 1468 + 7) });
    let window = 0;
    const script = new Script(set.network, (packet, self) => {
      if (packet.opcode === Opcode.oack) self.ack(0);
      if (packet.opcode !== Opcode.data || dropped.delete(packet.block)) return;
      if (!self.keep(packet)) self.ack(self.blocks);
      else if (++window === 4 || packet.payload.length < 1468) self.ack(self.blocks);
      else return;
      window = 0;
    });
    set.network.poke(() => script.ask('f', { blksize: 1468, windowsize: 4 }));
    finish(set);
    expect(Buffer.compare(join(script.received), set.server.files.get('f')!)).toBe(0);
    expect(set.server.endings.map(({ outcome }) => outcome)).toEqual(['completed']);
    return { sent: set.witness.dataSent(script.endpoint.key), script };
  }

  test('loses nothing: each block once', () => {
    expect(edk2(new Set(), 1000).sent).toBe(1000);
  });

  test.each([1, 2, 3, 4, 400, 1000])('loses block %i: two windows more at the most', (block) => {
    expect(edk2(new Set([block]), 1000).sent).toBeLessThanOrEqual(1008);
  });

  test('loses 1 block of 50: two windows more for each at the most', () => {
    const lost = new Set(Array.from({ length: 100 }, (_, i) => i * 50 + (i % 7) + 1));
    expect(edk2(lost, 5000).sent).toBeLessThanOrEqual(5000 + 100 * 8);
  });
});

test.each([
  [1, 1],
  [4, 2],
  [16, 2],
])("the Sorcerer's Apprentice, every ACK doubled, at window %i: at most %i × the blocks", (windowsize, factor) => {
  const set = stage({ f: FILE });
  let window = 0;
  const script = new Script(set.network, (packet, self) => {
    const twice = (block: number) => {
      self.ack(block);
      self.ack(block);
    };
    if (packet.opcode === Opcode.oack) twice(0);
    if (!self.keep(packet)) return;
    if (++window < windowsize && self.received.at(-1)!.length === 512) return;
    window = 0;
    twice(self.blocks);
  });
  set.network.poke(() => script.ask('f', windowsize === 1 ? {} : { windowsize }));
  finish(set);
  expect(join(script.received)).toEqual(FILE);
  expect(set.witness.dataSent(script.endpoint.key)).toBeLessThanOrEqual(51 * factor);
});

test('GRUB stops acknowledging for 20 s, and goes on: the file arrives, and the wait cost a DATA per retry at the most', () => {
  const set = stage({ f: FILE });
  let paused = false;
  const script = new Script(set.network, (packet, self) => {
    if (packet.opcode === Opcode.oack) self.ack(0);
    if (paused || !self.keep(packet)) return;
    paused = self.blocks === 25;
    if (!paused) return self.ack(self.blocks);
    set.network.after(20_000, () => {
      paused = false;
      self.ack(25);
    });
  });
  set.network.poke(() => script.ask('f', { blksize: 512, tsize: 0 }));
  finish(set);
  expect(join(script.received)).toEqual(FILE);
  expect(set.server.endings).toMatchObject([{ outcome: 'completed' }]);
  expect(script.data).toBeLessThanOrEqual(51 + 12);
});

test('a Raspberry Pi sends its request four times, pads its ACKs and acknowledges what it has not got: one transfer', () => {
  const set = stage({ f: FILE }, PERFECT, { contentMs: 3 });
  let oacks = 0;
  const script = new Script(set.network, (packet, self) => {
    if (packet.opcode === Opcode.oack && oacks++ === 0) self.ack(0, 12);
    if (!self.keep(packet)) return;
    if (self.blocks === 10) self.ack(40_000, 12);
    self.ack(self.blocks, 12);
  });
  for (const at of [0, 5, 14, 20]) set.network.after(at, () => script.ask('f', { tsize: 0, blksize: 512 }));
  finish(set);
  expect(join(script.received)).toEqual(FILE);
  expect(script.data).toBe(51);
  expect(oacks).toBeLessThanOrEqual(4);
  expect(set.server.endings).toMatchObject([{ outcome: 'completed', lastAckMissing: false }]);
});

test('a ROM uses one port for everything: three files, one after the other, the last one while another is under way', () => {
  const files = { a: FILE, b: FILE.subarray(0, 512), c: FILE.subarray(0, 3000) };
  const set = stage(files);
  const finished: Uint8Array[] = [];
  const from = new Set<PeerKey>();
  const script = new Script(set.network, (packet, self, sender) => {
    // A DATA of the transfer that it has given up is nothing to it.
    if (packet.opcode === Opcode.data && self.blocks === 0 && packet.block !== 1) return;
    if (!self.keep(packet)) return;
    from.add(sender);
    if (finished.length === 2 && self.blocks === 3 && from.size === 3) {
      self.received = [];
      return self.ask('c');
    }
    self.ack(self.blocks);
    if (self.received.at(-1)!.length === 512) return;
    finished.push(join(self.received));
    self.received = [];
    if (finished.length < 3) self.ask(finished.length === 1 ? 'b' : 'a');
  });
  set.network.poke(() => script.ask('c'));
  finish(set);
  expect(finished).toEqual([files.c, files.b, files.c]);
  // Each transfer from another endpoint, so a late packet of one cannot pass for another's.
  expect(from.size).toBe(4);
  expect(set.server.endings.map(({ outcome }) => outcome).sort()).toEqual(['aborted', 'completed', 'completed', 'completed']);
});

test.each([
  ['within a second', 300, 1],
  ['later', 4000, 2],
])('a request comes once more in mid-transfer, %s: the transfer goes on', (_, delayMs, requests) => {
  const set = stage({ f: seeded(3).bytes(512 * 400) }, { ...PERFECT, delayMs: 10 });
  const client = new DownloadingHost(set.network, { address: '10.0.1.1', name: 'f' });
  let request: Sending | undefined;
  set.network.onSend((sending) => {
    request ??= sending;
  });
  set.network.after(0, () => client.start());
  set.network.after(delayMs, () => {
    set.network.outbox.send(client.endpoint, SERVER, request!.datagram);
  });
  finish(set);
  expect(client.ending).toBe('completed');
  expect(client.received).toEqual(set.server.files.get('f'));
  expect(set.server.requests.length).toBe(requests);
  // The second transfer was told off by ERROR 5, and asked nobody for anything more.
  expect(set.witness.dataSent(client.endpoint.key)).toBeLessThanOrEqual(401 + 1);
});

describe('figures', () => {
  const bytes = seeded(4).bytes(1468 * 3000);
  const lossy = (loss: number): Link => ({ ...PERFECT, loss, delayMs: 5 });

  function measure(direction: 'read' | 'write', link: Link, windowSize: number): { ms: number; resent: number } {
    const set = stage({ f: bytes }, link);
    const options = { blockSize: 1468, windowSize, transferSize: direction === 'read' ? 0 : bytes.length };
    const common = { address: '10.0.1.1', name: 'f', options };
    const client =
      direction === 'read' ? new DownloadingHost(set.network, common) : new UploadingHost(set.network, { ...common, bytes });
    client.start();
    finish(set);
    expect(client.ending).toBe('completed');
    return { ms: client.endedAt, resent: set.witness.resent / 3001 };
  }

  test.each([
    'read',
    'write',
  ] as const)('a %s without loss takes a round trip per window, and sends nothing twice', (direction) => {
    for (const windowSize of [1, 4, 16]) {
      const { ms, resent } = measure(direction, lossy(0), windowSize);
      expect(resent).toBe(0);
      expect(ms / 10).toBeLessThanOrEqual(Math.ceil(3001 / windowSize) + 3);
    }
  });

  test.each([
    'read',
    'write',
  ] as const)('a %s that loses 1 of 100 at window 16 sends less than 3 of 10 twice, in less than 3 × the time', (direction) => {
    const ideal = measure(direction, lossy(0), 16);
    const { ms, resent } = measure(direction, lossy(0.01), 16);
    console.log(`${direction}, 1 % loss: ${(resent * 100).toFixed(1)} % sent again, ${(ms / ideal.ms).toFixed(2)} × the time`);
    // A lost DATA costs 8.5 blocks of its window on average, a lost ACK all 16: 1 % × (8.5 + 1) ≈ 10 %.
    expect(resent).toBeLessThan(0.3);
    expect(ms / ideal.ms).toBeLessThan(3);
  });

  test('a round trip that grows tenfold past the time-out is measured again, and blocks are not sent twice for ever', () => {
    let delayMs = 2;
    const network = new Network({ seed: 1, link: () => ({ ...PERFECT, delayMs }) });
    const witness = new Witness(network);
    const server = new EngineHost(network);
    server.files.set('f', bytes.subarray(0, 512 * 200));
    const client = new DownloadingHost(network, { address: '10.0.1.1', name: 'f', limits: { minTimeoutMs: 3000 } });
    client.start();
    network.after(100, () => {
      delayMs = 200;
    });
    network.run();
    expect(client.ending).toBe('completed');
    expect(witness.resent).toBeLessThan(12);
    expect(network.leftovers()).toEqual([]);
  });
});
