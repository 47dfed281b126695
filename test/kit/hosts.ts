/**
 * Hosts for the simulated network: an Engine whose control plane serves and takes files in memory, and the clients of
 * `src/client`. Scripted clients are hosts of their own, made of a `receive`.
 */

import { type PeerKey, peerKey } from '../../src/base/peer.ts';
import { SEGMENT_BYTES } from '../../src/base/segment.ts';
import { DownloadTransfer } from '../../src/tftp/client/download.ts';
import type { Failure } from '../../src/tftp/client/error.ts';
import type { AskedOptions } from '../../src/tftp/client/options.ts';
import type { ClientLimits, ClientRequest, ClientTransfer } from '../../src/tftp/client/transfer.ts';
import { UploadTransfer } from '../../src/tftp/client/upload.ts';
import type { Ending } from '../../src/tftp/protocol/ending.ts';
import { type ControlPlane, Engine, type EngineLimits, type IncomingRequest } from '../../src/tftp/protocol/engine.ts';
import { ErrorCode } from '../../src/tftp/protocol/error.ts';
import type { ServerEndpoint } from '../../src/tftp/protocol/outbox.ts';
import { Opcode } from '../../src/tftp/protocol/packet.ts';
import type { TransferLimits } from '../../src/tftp/protocol/transfer.ts';
import { ENGINE_LIMITS, TRANSFER_LIMITS } from './limits.ts';
import type { BoundEndpoint, Host, Network } from './network.ts';

const { retries, idleMs, minTimeoutMs, maxTimeoutMs } = TRANSFER_LIMITS;
/** A client is as patient as a server. */
export const CLIENT_LIMITS: ClientLimits = { retries, idleMs, minTimeoutMs, maxTimeoutMs, dallyMs: 4000 };

export interface EngineHostOptions {
  readonly address?: string;
  readonly singlePort?: boolean;
  /** How long reading or writing a piece takes. */
  readonly contentMs?: number;
  readonly engineLimits?: Partial<EngineLimits>;
  readonly transferLimits?: Partial<TransferLimits>;
}

/** A server: an Engine, its endpoints on the network, and files in memory. */
export class EngineHost implements Host {
  readonly engine: Engine;
  readonly listener: BoundEndpoint;
  /** What can be read. */
  readonly files = new Map<string, Uint8Array>();
  /** What was written, by name, in order. */
  readonly stored = new Map<string, Uint8Array[]>();
  readonly requests: IncomingRequest[] = [];
  readonly endings: (Ending & { readonly id: number })[] = [];
  readonly #network: Network;
  readonly #options: EngineHostOptions;
  /** Files being read and written now. */
  readonly #reading = new Map<number, Uint8Array>();
  readonly #writing = new Map<number, { readonly name: string; readonly pieces: Uint8Array[] }>();

  constructor(network: Network, options: EngineHostOptions = {}) {
    this.#network = network;
    this.#options = options;
    const address = options.address ?? '10.0.0.1';
    const limits = { ...ENGINE_LIMITS, ...options.engineLimits };
    this.engine = new Engine(network.outbox, this.#controlPlane(), { add() {}, observe() {}, drop() {} }, limits, network.random);
    this.listener = network.bind(this, address, 69);
    this.listener.accepts = true;
    this.listener.replies = options.singlePort
      ? [this.listener]
      : [40001, 40002, 40003, 40004].map((port) => network.bind(this, address, port));
  }

  get nextDeadline(): number {
    return this.engine.nextDeadline;
  }

  receive(endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    this.engine.receive(endpoint, from, datagram, now);
  }

  expire(now: number): void {
    this.engine.expire(now);
  }

  leftovers(): string[] {
    const left: string[] = [];
    if (this.engine.size > 0) left.push(`${this.engine.size} transfers`);
    if (this.engine.progress().length > 0) left.push('progress of transfers');
    if (this.#reading.size > 0) left.push(`${this.#reading.size} contents held`);
    if (this.#writing.size > 0) left.push(`${this.#writing.size} sinks held`);
    if (this.endings.length !== this.requests.length) left.push(`${this.requests.length} requests, ${this.endings.length} ends`);
    return left;
  }

  #controlPlane(): ControlPlane {
    const later = (run: (now: number) => void) => {
      this.#network.after(this.#options.contentMs ?? 0, () => run(this.#network.now));
    };
    return {
      request: (request) => {
        this.requests.push(request);
        later((now) => this.#answer(request, now));
      },
      need: (id, index) =>
        later((now) => {
          const bytes = this.#reading.get(id)?.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
          if (bytes) this.engine.supply(id, index, bytes, bytes.length < SEGMENT_BYTES, now);
        }),
      store: (id, bytes, last) =>
        later((now) => {
          const file = this.#writing.get(id);
          file?.pieces.push(bytes);
          if (file && last) this.stored.set(file.name, [...(this.stored.get(file.name) ?? []), join(file.pieces)]);
          this.engine.written(id, bytes.length, last, now);
        }),
      end: (id, ending) => {
        this.endings.push({ id, ...ending });
        this.#reading.delete(id);
        this.#writing.delete(id);
        later(() => this.engine.finished(id));
      },
    };
  }

  #answer({ id, packet }: IncomingRequest, now: number): void {
    const limits = { ...TRANSFER_LIMITS, ...this.#options.transferLimits };
    if (packet.opcode === Opcode.wrq) {
      this.#writing.set(id, { name: packet.name, pieces: [] });
      if (!this.engine.answer(id, { kind: 'write', limits }, now)) this.#writing.delete(id);
      return;
    }
    const bytes = this.files.get(packet.name);
    if (!bytes) return this.engine.refuse(id, { code: ErrorCode.fileNotFound, message: 'no such file' }, now);
    this.#reading.set(id, bytes);
    const first = bytes.subarray(0, SEGMENT_BYTES);
    if (!this.engine.answer(id, { kind: 'read', size: bytes.length, first, limits }, now)) this.#reading.delete(id);
  }
}

export interface ClientHostOptions {
  readonly address: string;
  readonly port?: number;
  readonly name: string;
  readonly options?: AskedOptions;
  readonly limits?: Partial<ClientLimits>;
  readonly server?: PeerKey;
  /** How long reading or writing a piece takes. */
  readonly contentMs?: number;
}

/** One of our own clients, with its one transfer. */
abstract class ClientHostBase implements Host {
  abstract readonly transfer: ClientTransfer;
  readonly endpoint: BoundEndpoint;
  /** How it ended; `undefined` while it has not. */
  ending: 'completed' | Failure | undefined;
  endedAt = 0;
  protected readonly network: Network;
  protected readonly request: ClientRequest;
  readonly #contentMs: number;

  constructor(
    network: Network,
    { address, port = 50_000, name, options = {}, limits, server, contentMs = 0 }: ClientHostOptions,
  ) {
    this.network = network;
    this.#contentMs = contentMs;
    this.endpoint = network.bind(this, address, port);
    this.request = {
      server: server ?? peerKey('10.0.0.1', 69),
      local: this.endpoint,
      name,
      mode: 'octet',
      options,
      limits: { ...CLIENT_LIMITS, ...limits },
    };
  }

  get nextDeadline(): number {
    return this.transfer.deadline;
  }

  start(): void {
    this.network.poke(() => this.transfer.start(this.network.now));
  }

  receive(_endpoint: ServerEndpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    this.transfer.receive(from, datagram, now);
  }

  expire(now: number): void {
    this.transfer.expire(now);
  }

  leftovers(): string[] {
    return this.transfer.phase === 'over' ? [] : [`a client that is ${this.transfer.phase}`];
  }

  protected later(run: (now: number) => void): void {
    this.network.after(this.#contentMs, () => run(this.network.now));
  }

  protected get common() {
    return {
      outbox: this.network.outbox,
      random: this.network.random,
      over: (failure: Failure | undefined, now: number) => {
        if (this.ending) throw new Error('a transfer ended twice');
        this.ending = failure ?? 'completed';
        this.endedAt = now;
      },
    };
  }
}

export class DownloadingHost extends ClientHostBase {
  readonly transfer: DownloadTransfer;
  readonly #pieces: Uint8Array[] = [];

  constructor(network: Network, options: ClientHostOptions) {
    super(network, options);
    this.transfer = new DownloadTransfer(this.request, {
      ...this.common,
      deliver: (bytes, last) =>
        this.later((now) => {
          this.#pieces.push(bytes);
          this.transfer.written(bytes.length, last, now);
        }),
    });
  }

  get received(): Uint8Array {
    return join(this.#pieces);
  }
}

export class UploadingHost extends ClientHostBase {
  readonly transfer: UploadTransfer;

  constructor(network: Network, options: ClientHostOptions & { readonly bytes: Uint8Array; readonly sizeKnown?: boolean }) {
    super(network, options);
    const { bytes, sizeKnown = true } = options;
    const need = (index: number) =>
      this.later((now) => {
        const segment = bytes.subarray(index * SEGMENT_BYTES, (index + 1) * SEGMENT_BYTES);
        this.transfer.supply(index, segment, segment.length < SEGMENT_BYTES, now);
      });
    this.transfer = new UploadTransfer(this.request, { ...this.common, need }, sizeKnown ? bytes.length : undefined);
  }
}

export function join(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
