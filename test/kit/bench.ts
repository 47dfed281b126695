/**
 * An Engine on a bench: a clock that is moved by hand, an outbox that records, and a control plane that serves what it is
 * given. Conversations are played from a script and come back as a transcript, so a test states both sides at once:
 *
 *     C>69 RRQ f octet blksize=1468      the client C sends this to port 69
 *     C<a OACK blksize=1468              the first transfer endpoint used (`a`, then `b`, …) sends this to C
 *     C>a ACK 0
 *     C<a DATA 1 1468                    block and length; the bytes are compared with the file's
 *     +500                               half a second passes
 *     = f completed 1000                 what the control plane is told in the end
 *
 * Lines that begin with `X>` or `+` are done, the others are what is expected to come of them.
 */
import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { type PeerKey, peerKey } from '../../src/base/peer.ts';
import { SEGMENT_BYTES, type Slices } from '../../src/base/segment.ts';
import type { DropReason } from '../../src/tftp/protocol/counters.ts';
import type { Ending } from '../../src/tftp/protocol/ending.ts';
import { type ControlPlane, Engine, type EngineLimits, type IncomingRequest } from '../../src/tftp/protocol/engine.ts';
import type { ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import { decode, encode, HEADER_BYTES, Opcode, type Option, type Packet } from '../../src/tftp/protocol/packet.ts';
import type { TransferLimits } from '../../src/tftp/protocol/transfer.ts';
import { hex } from './hex.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from './limits.ts';

export interface BenchOptions {
  /** What can be read; other names are refused by ERROR 1. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  /** Names whose size is not known in advance. */
  readonly sizeless?: readonly string[];
  /** Sizes told in place of the true one: for `tsize` alone, without bytes to match. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Bytes accepted in an upload; writing is refused by ERROR 2 if absent. */
  readonly uploadBytes?: number;
  readonly engine?: Partial<EngineLimits>;
  readonly transfer?: Partial<TransferLimits>;
  readonly singlePort?: boolean;
  /** Transfer endpoints of each listener. */
  readonly endpoints?: number;
  /** Milliseconds that the control plane takes to answer a request, to supply a segment, to write. */
  readonly answerMs?: number;
  readonly supplyMs?: number;
  readonly writeMs?: number;
  readonly random?: () => number;
}

/** A datagram that was sent. */
export interface Sent {
  readonly from: ServerEndpoint;
  readonly to: PeerKey;
  readonly bytes: Uint8Array;
  readonly at: number;
}

interface Flow {
  readonly request: IncomingRequest;
  high: number;
  blockSize: number;
  rollover: number;
}

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** Who is who in a script; a name of digits is that port of C's address. */
const PEERS: Readonly<Record<string, PeerKey>> = {
  C: peerKey('192.168.7.20', 1024),
  D: peerKey('192.168.7.21', 1024),
  S: peerKey('192.168.7.66', 666),
  V: peerKey('fd00::20', 1024),
};

export function peerNamed(name: string): PeerKey {
  return PEERS[name] ?? peerKey('192.168.7.20', Number(name));
}

/** Bytes that differ from block to block, whatever the block size. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Length and digest of bytes, for comparisons that say little when they fail. */
export function digest(bytes: Uint8Array | undefined): string {
  return bytes ? `${bytes.length} bytes, ${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}` : 'nothing';
}

export class Bench {
  now = 0;
  readonly options: BenchOptions;
  readonly listener: ServerEndpoint;
  /** A second port that is listened to: 70. */
  readonly other: ServerEndpoint;
  readonly engine: Engine;
  readonly sent: Sent[] = [];
  readonly requests: IncomingRequest[] = [];
  readonly endings = new Map<number, Ending>();
  readonly drops: DropReason[] = [];
  readonly counted: string[] = [];
  /** Seconds from each request to its first reply. */
  readonly answeredAfter: number[] = [];
  /** Uploads that were stored, by name. */
  readonly stored = new Map<string, Uint8Array>();
  readonly #transcript: string[] = [];
  #recording = false;
  #tasks: Task[] = [];
  /** Transfer endpoints in the order of their first use. */
  readonly #used: ServerEndpoint[] = [];
  readonly #received = new Map<number, Uint8Array[]>();
  /** What is being served on each route, for the check of DATA. */
  readonly #flows = new Map<string, Flow>();
  #answering: IncomingRequest | undefined;
  readonly #names = new Map<number, string>();

  constructor(options: BenchOptions = {}) {
    this.options = options;
    this.listener = listenerOn(69, options);
    this.other = listenerOn(70, options);
    this.engine = new Engine(
      {
        send: (from, to, datagram) => this.#send(from as ServerEndpoint, to, datagram.slice()),
        data: (from, ...data) => this.#data(from as ServerEndpoint, ...data),
      },
      this.#control(),
      {
        add: (name) => void this.counted.push(name),
        observe: (_, seconds) => void this.answeredAfter.push(seconds),
        drop: (reason) => void this.drops.push(reason),
      },
      { ...ENGINE_LIMITS, ...options.engine },
      options.random ?? (() => 0),
    );
  }

  /** A datagram comes from `peer`; what the control plane has to do at once is done before this returns. */
  receive(endpoint: ServerEndpoint, peer: PeerKey, datagram: Uint8Array): void {
    this.engine.receive(endpoint, peer, datagram, this.now);
    this.#settle(this.now);
  }

  /** Time passes, and everything that falls due in it happens at its own moment. */
  pass(ms: number): void {
    const end = this.now + ms;
    for (let due = this.#due(); due <= end; due = this.#due()) {
      this.now = Math.max(this.now, due);
      this.#settle(this.now);
      this.engine.expire(this.now);
    }
    this.now = end;
  }

  /** Plays a script; the transcript must be the same as the script. */
  converse(script: readonly string[]): void {
    this.#recording = true;
    this.#transcript.length = 0;
    for (const line of script) {
      if (line.startsWith('+')) {
        this.#transcript.push(line);
        this.pass(Number(line.slice(1)));
      } else if (/^\w+>/.test(line)) {
        this.#transcript.push(line);
        this.say(line);
      }
    }
    this.#recording = false;
    expect(this.#transcript).toEqual([...script]);
  }

  /** Sends what a line of a script says: `C>69 RRQ f octet`. */
  say(line: string): void {
    const [, peer, to, packet] = /^(\w+)>(\w+) ?(.*)$/s.exec(line)!;
    this.receive(this.endpoint(to!), peerNamed(peer!), bytesOf(packet!, this.#uploadBlockSize(peerNamed(peer!))));
  }

  /** `69`, `70`, or a transfer endpoint by the order of first use: `a`, `b` … */
  endpoint(name: string): ServerEndpoint {
    if (name === '69') return this.listener;
    if (name === '70') return this.other;
    const endpoint = this.#used[name.charCodeAt(0) - 97];
    if (!endpoint) throw new Error(`no endpoint ${name} has been used yet`);
    return endpoint;
  }

  nameOf(endpoint: ServerEndpoint): string {
    if (endpoint.accepts) return String(endpoint.port);
    if (!this.#used.includes(endpoint)) this.#used.push(endpoint);
    return String.fromCharCode(97 + this.#used.indexOf(endpoint));
  }

  /** Packets sent since this was last called. */
  takeSent(): Sent[] {
    return this.sent.splice(0);
  }

  /** The one ending told so far. */
  get ending(): Ending {
    expect(this.endings.size).toBe(1);
    return this.endings.values().next().value!;
  }

  /** Lets everything run out: afterwards nothing may be left, and every request must have been told to end once. */
  expectNothingLeft(): void {
    this.pass(400_000);
    expect(this.engine.size).toBe(0);
    expect(this.engine.progress()).toEqual([]);
    expect(this.engine.nextDeadline).toBe(Number.POSITIVE_INFINITY);
    expect(this.endings.size).toBe(this.requests.length);
  }

  #due(): number {
    return this.#tasks.reduce((due, { at }) => Math.min(due, at), this.engine.nextDeadline);
  }

  /** Does what the control plane has to do by now, and what comes of it. */
  #settle(now: number): void {
    for (
      let ready = this.#tasks.filter(({ at }) => at <= now);
      ready.length > 0;
      ready = this.#tasks.filter(({ at }) => at <= now)
    ) {
      this.#tasks = this.#tasks.filter(({ at }) => at > now);
      for (const { run } of ready) run();
    }
  }

  #later(ms: number | undefined, run: () => void): void {
    this.#tasks.push({ at: this.now + (ms ?? 0), run });
  }

  #control(): ControlPlane {
    const { answerMs, supplyMs, writeMs } = this.options;
    return {
      request: (request) => {
        this.requests.push(request);
        this.#names.set(request.id, request.packet.name);
        this.#later(answerMs, () => this.#answer(request));
      },
      need: (id, index) => {
        const bytes = this.#file(id)!;
        const start = index * SEGMENT_BYTES;
        this.#later(supplyMs, () => {
          const end = start + SEGMENT_BYTES;
          this.engine.supply(id, index, bytes.subarray(start, end), end > bytes.length, this.now);
        });
      },
      store: (id, bytes, last) => {
        const pieces = this.#received.get(id)!;
        pieces.push(bytes);
        const received = pieces.reduce((sum, { length }) => sum + length, 0);
        this.#later(writeMs, () => {
          if (received > this.options.uploadBytes!) return this.engine.refuse(id, { code: 3, message: 'too large' }, this.now);
          if (last && !this.endings.has(id)) this.stored.set(this.#names.get(id)!, joined(pieces));
          this.engine.written(id, bytes.length, last, this.now);
        });
      },
      end: (id, ending) => {
        if (this.endings.has(id)) throw new Error(`request ${id} ended twice`);
        this.endings.set(id, ending);
        this.#record(`= ${this.#names.get(id)} ${described(ending)}`);
        this.#later(answerMs, () => this.engine.finished(id));
      },
    };
  }

  #answer(request: IncomingRequest): void {
    this.#answering = request;
    this.#decide(request);
    this.#answering = undefined;
  }

  #decide({ id, packet }: IncomingRequest): void {
    const limits = { ...TRANSFER_LIMITS, ...this.options.transfer };
    if (packet.opcode === Opcode.wrq) {
      if (this.options.uploadBytes === undefined) {
        return this.engine.refuse(id, { code: 2, message: 'uploads are refused' }, this.now);
      }
      this.#received.set(id, []);
      this.engine.answer(id, { kind: 'write', limits }, this.now);
      return;
    }
    const bytes = this.#file(id);
    if (!bytes) return this.engine.refuse(id, { code: 1, message: 'file not found' }, this.now);
    const size = this.options.sizeless?.includes(packet.name) ? undefined : (this.options.sizes?.[packet.name] ?? bytes.length);
    this.engine.answer(id, { kind: 'read', size, first: bytes.subarray(0, SEGMENT_BYTES), limits }, this.now);
  }

  #file(id: number): Uint8Array | undefined {
    const { files = {} } = this.options;
    const name = this.#names.get(id)!;
    return Object.hasOwn(files, name) ? files[name] : undefined;
  }

  #send(from: ServerEndpoint, to: PeerKey, bytes: Uint8Array): void {
    this.nameOf(from);
    this.sent.push({ from, to, bytes, at: this.now });
    const packet = decode(bytes)!;
    if (packet.opcode === Opcode.oack) this.#agree(this.#flow(from, to), packet.options);
    this.#recordSent(from, to, textOf(packet));
  }

  #data(from: ServerEndpoint, to: PeerKey, block: number, { first, start, end, second, secondEnd }: Slices): void {
    const payload = joined([first.subarray(start, end), ...(second ? [second.subarray(0, secondEnd)] : [])]);
    this.sent.push({ from, to, bytes: encode({ opcode: Opcode.data, block, payload }), at: this.now });
    this.#check(this.#flow(from, to), block, payload);
    this.#recordSent(from, to, `DATA ${block} ${payload.length}`);
  }

  /** The request that is being served on this route. */
  #flow(from: ServerEndpoint, to: PeerKey): Flow {
    const route = `${to} ${this.nameOf(from)}`;
    const known = this.#flows.get(route);
    if (known && !this.endings.has(known.request.id)) return known;
    const request = this.#answering ?? this.#waiting(to);
    const flow = { request: request!, high: 0, blockSize: 512, rollover: this.options.transfer?.rollover ?? 0 };
    this.#flows.set(route, flow);
    return flow;
  }

  /** The first request of this peer that has had no reply so far. */
  #waiting(peer: PeerKey): IncomingRequest | undefined {
    const taken = new Set(Array.from(this.#flows.values(), ({ request }) => request));
    return this.requests.find((asked) => asked.peer === peer && !this.endings.has(asked.id) && !taken.has(asked));
  }

  #agree(flow: Flow, agreed: readonly Option[]): void {
    for (const { name, value } of agreed) {
      if (name.toLowerCase() === 'blksize') flow.blockSize = Number(value);
      if (name.toLowerCase() === 'rollover') flow.rollover = Number(value);
    }
  }

  /** The bytes of a DATA must be those of the file: of the block nearest to the last one that has this number. */
  #check(flow: Flow, block: number, payload: Uint8Array): void {
    const cycle = flow.rollover === 0 ? 65536 : 65535;
    const full = block + cycle * Math.max(0, Math.round((flow.high - block) / cycle));
    flow.high = Math.max(flow.high, full);
    const { name } = flow.request.packet;
    const expected = this.options.files![name]!.subarray((full - 1) * flow.blockSize, full * flow.blockSize);
    if (Buffer.compare(payload, expected) !== 0) throw new Error(`DATA ${block} (${full}) of ${name} has wrong bytes`);
  }

  #uploadBlockSize(peer: PeerKey): number {
    const oack = this.sent.findLast(({ to, bytes }) => to === peer && bytes[1] === Opcode.oack);
    const packet = oack && decode(oack.bytes);
    return Number((packet?.opcode === Opcode.oack && packet.options.find(({ name }) => name === 'blksize')?.value) || 512);
  }

  #recordSent(from: ServerEndpoint, to: PeerKey, packet: string): void {
    if (this.#recording) this.#record(`${nameOfPeer(to)}<${this.nameOf(from)} ${packet}`);
  }

  #record(line: string): void {
    if (this.#recording) this.#transcript.push(line);
  }
}

/** The whole file that `DATA n` lines of a script send, for comparison with what was stored. */
export function uploaded(length: number): Uint8Array {
  return pattern(length, 77);
}

/** A packet from its notation; `hex …` for bytes as they are. */
export function bytesOf(text: string, blockSize = 512): Uint8Array {
  const [kind, ...words] = text.split(' ') as [string, ...string[]];
  switch (kind) {
    case 'RRQ':
    case 'WRQ': {
      const [name, mode, ...options] = words as [string, string, ...string[]];
      return encode({ opcode: kind === 'RRQ' ? Opcode.rrq : Opcode.wrq, name, mode, options: options.map(optionOf) });
    }
    case 'OACK':
      return encode({ opcode: Opcode.oack, options: words.map(optionOf) });
    case 'ACK':
      return encode({ opcode: Opcode.ack, block: Number(words[0]) });
    case 'DATA': {
      const [block, length] = words.map(Number) as [number, number];
      const start = (block - 1) * blockSize;
      return encode({ opcode: Opcode.data, block, payload: uploaded(start + length).subarray(start) });
    }
    case 'ERROR':
      return encode({ opcode: Opcode.error, code: Number(words[0]), message: words.slice(1).join(' ') });
    case 'hex':
      return hex(words.join(''));
  }
  throw new Error(`no packet: ${text}`);
}

export function textOf(packet: Packet): string {
  switch (packet.opcode) {
    case Opcode.rrq:
    case Opcode.wrq:
      return [packet.opcode === Opcode.rrq ? 'RRQ' : 'WRQ', packet.name, packet.mode, ...packet.options.map(optionText)].join(
        ' ',
      );
    case Opcode.oack:
      return ['OACK', ...packet.options.map(optionText)].join(' ');
    case Opcode.ack:
      return `ACK ${packet.block}`;
    case Opcode.data:
      return `DATA ${packet.block} ${packet.payload.length}`;
    case Opcode.error:
      return `ERROR ${packet.code} ${packet.message}`;
  }
}

function described({ outcome, bytes, lastAckMissing, error }: Ending): string {
  const told = error && outcome !== 'completed' ? `: ${error.code} ${error.message}` : '';
  return `${outcome} ${bytes}${lastAckMissing ? ', last ACK missing' : ''}${told}`;
}

function listenerOn(port: number, { singlePort = false, endpoints = 8 }: BenchOptions): ServerEndpoint {
  const replies: ServerEndpoint[] = [];
  const listener = { address: '192.168.7.1', port, accepts: true, replies };
  if (singlePort) replies.push(listener);
  else {
    for (let i = 0; i < endpoints; i++) {
      replies.push({ address: '192.168.7.1', port: port * 100 + i, accepts: false, replies: [] });
    }
  }
  return listener;
}

function nameOfPeer(key: PeerKey): string {
  const name = Object.keys(PEERS).find((known) => PEERS[known] === key);
  return name ?? String(typeof key === 'number' ? key % 65536 : key);
}

function optionOf(text: string): Option {
  const at = text.indexOf('=');
  return { name: text.slice(0, at), value: text.slice(at + 1) };
}

function optionText({ name, value }: Option): string {
  return `${name}=${value}`;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** What a DATA packet carries, without its header. */
export function payloadOf({ bytes }: Sent): Uint8Array {
  return bytes.subarray(HEADER_BYTES);
}
