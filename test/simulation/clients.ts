/**
 * The machines of a simulation: our own client's state machines, which hold every packet against what it says it is, and a few
 * that only want to know a size, give up, vanish, or send rubbish.
 */

import { type PeerKey, peerOf } from '../../src/base/peer.ts';
import type { Failure } from '../../src/tftp/client/error.ts';
import type { ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import { decode, encode, Opcode } from '../../src/tftp/protocol/packet.ts';
import { type ClientHostOptions, DownloadingHost, UploadingHost } from '../kit/hosts.ts';
import type { BoundEndpoint, Host } from '../kit/network.ts';
import { keyOf, type Label, labelAt, RECORD_BYTES } from './versions.ts';
import type { World } from './world.ts';

/** A machine, for whoever judges it in the end. */
export interface Machine extends Host {
  readonly endpoint: BoundEndpoint;
  readonly name: string;
  /** What this port asked for before: until it hears of the new request, a late packet of the old one may pass for an answer. */
  readonly before: string | undefined;
  readonly server: { readonly address: string; readonly port: number };
  readonly startedAt: number;
  readonly endedAt: number;
  /** `undefined`: it never came to an end by itself. */
  readonly ending: 'completed' | Failure | undefined;
  /** Loses interest without a word. */
  vanish(): void;
  readonly gone: boolean;
}

export class Downloader extends DownloadingHost implements Machine {
  readonly name: string;
  readonly before: string | undefined;
  readonly server: Machine['server'];
  startedAt = 0;
  gone = false;
  readonly #world: World;
  /** What the packets of the server's transfer say they are. */
  #label: Label | undefined;

  constructor(world: World, options: ClientHostOptions & { readonly server: PeerKey; readonly before?: string }) {
    super(world.network, options);
    this.before = options.before;
    this.#world = world;
    this.name = options.name;
    this.server = peerOf(options.server);
  }

  override start(): void {
    this.startedAt = this.network.now;
    super.start();
  }

  override receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    if (this.gone) return;
    super.receive(endpoint, from, datagram, now);
    if (from === this.transfer.peer && datagram[1] === Opcode.data) this.#look(datagram);
  }

  override get nextDeadline(): number {
    return this.gone ? Number.POSITIVE_INFINITY : super.nextDeadline;
  }

  override leftovers(): string[] {
    return this.gone ? [] : super.leftovers();
  }

  vanish(): void {
    this.gone = true;
    this.network.unbind(this.endpoint);
  }

  abort(): void {
    this.network.poke(() => this.transfer.abort(0, 'the user gave up', this.network.now));
  }

  /** Every packet of a transfer must be of one version, also of one that is never completed. */
  #look(datagram: Uint8Array): void {
    const block = datagram[2]! * 256 + datagram[3]!;
    const offset = (block - 1) * this.transfer.agreement!.blockSize;
    const label = labelAt(datagram, 4 + ((RECORD_BYTES - (offset % RECORD_BYTES)) % RECORD_BYTES));
    if (!label) return;
    this.#label ??= label;
    if (keyOf(label) !== keyOf(this.#label))
      this.#world.violated(`${this.name}: block ${block} is of ${keyOf(label)}, others are of ${keyOf(this.#label)}`);
  }
}

export class Uploader extends UploadingHost implements Machine {
  readonly name: string;
  readonly before = undefined;
  readonly server: Machine['server'];
  readonly bytes: Uint8Array;
  startedAt = 0;
  gone = false;

  constructor(
    world: World,
    options: ClientHostOptions & { readonly server: PeerKey; readonly bytes: Uint8Array; readonly sizeKnown: boolean },
  ) {
    super(world.network, options);
    this.name = options.name;
    this.server = peerOf(options.server);
    this.bytes = options.bytes;
  }

  override start(): void {
    this.startedAt = this.network.now;
    super.start();
  }

  override receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    if (!this.gone) super.receive(endpoint, from, datagram, now);
  }

  override get nextDeadline(): number {
    return this.gone ? Number.POSITIVE_INFINITY : super.nextDeadline;
  }

  override leftovers(): string[] {
    return this.gone ? [] : super.leftovers();
  }

  vanish(): void {
    this.gone = true;
    this.network.unbind(this.endpoint);
  }

  abort(): void {
    this.network.poke(() => this.transfer.abort(0, 'the user gave up', this.network.now));
  }
}

/** Firmware that asks for the size, refuses the OACK, and has what it wanted. Asks a few times more if nothing comes. */
export class Prober implements Host {
  readonly endpoint: BoundEndpoint;
  nextDeadline = Number.POSITIVE_INFINITY;
  readonly #world: World;
  readonly #server: PeerKey;
  readonly #name: string;
  #tries = 0;

  constructor(world: World, address: string, port: number, server: PeerKey, name: string) {
    this.#world = world;
    this.#server = server;
    this.#name = name;
    this.endpoint = world.network.bind(this, address, port);
  }

  start(): void {
    this.#world.network.poke(() => this.expire(this.#world.now));
  }

  receive(_endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array): void {
    const packet = decode(datagram);
    this.nextDeadline = Number.POSITIVE_INFINITY;
    if (packet?.opcode !== Opcode.oack) return;
    const refusal = encode({ opcode: Opcode.error, code: 8, message: 'only the size was wanted' });
    this.#world.network.outbox.send(this.endpoint, from, refusal);
  }

  expire(now: number): void {
    const options = [
      { name: 'tsize', value: '0' },
      { name: 'blksize', value: '1468' },
    ];
    const request = encode({ opcode: Opcode.rrq, name: this.#name, mode: 'octet', options });
    this.#world.network.outbox.send(this.endpoint, this.#server, request);
    this.nextDeadline = ++this.#tries < 4 ? now + 1000 : Number.POSITIVE_INFINITY;
  }

  leftovers(): string[] {
    return [];
  }
}

/** Sends bytes that mean nothing, or nothing here. */
export class Stranger implements Host {
  readonly nextDeadline = Number.POSITIVE_INFINITY;
  readonly #world: World;
  readonly #endpoint: BoundEndpoint;

  constructor(world: World, address: string, port: number) {
    this.#world = world;
    this.#endpoint = world.network.bind(this, address, port);
  }

  send(to: PeerKey, datagram: Uint8Array): void {
    this.#world.network.poke(() => this.#world.network.outbox.send(this.#endpoint, to, datagram));
  }

  receive(): void {}
  expire(): void {}

  leftovers(): string[] {
    return [];
  }
}
