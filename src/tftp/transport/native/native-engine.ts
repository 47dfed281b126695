/**
 * The Engine in a thread of its own, as the main thread has it: knows its transfers and owns every descriptor. Threads that die are
 * started anew: their transfers have failed, their listening sockets go on.
 */

import type { Awaitable } from '../../../base/awaitable.ts';
import type { CacheBudget } from '../../../content/budget.ts';
import { versionKey } from '../../../content/version.ts';
import { closeSocket, openSocket } from '../../../net/native/socket.ts';
import type { SocketAddress } from '../../../net/socket.ts';
import type { Stats } from '../../../stats/stats.ts';
import type { Progress } from '../../protocol/ending.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import { ErrorCode, type WireError } from '../../protocol/error.ts';
import { type DataPlane, engineAnswer, type PlaneControl } from '../data-plane.ts';
import type { SocketOwner } from '../socket-endpoint.ts';
import type { Answer, Borrowed } from '../transport-exchange.ts';
import { NativeEndpoint } from './endpoint.ts';
import { type FromData, NOT_OPEN, type ToData } from './messages.ts';
import { Threads } from './threads.ts';

export interface NativeEngineOptions {
  readonly limits: EngineLimits;
  /** What the data thread keeps of files is drawn from it. */
  readonly budget: CacheBudget;
  /** The data thread counts in a part of it. */
  readonly stats: Stats;
  /** Something went wrong that no transfer can be told. */
  fault(error: unknown, what: string): void;
  /** The kernel does not grant all that is wanted. */
  notice(fields: object, message: string): void;
}

/** Threads that die more often than this in a row are not started again. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;

export class NativeEngine implements DataPlane {
  readonly borrows = true;
  readonly #control: PlaneControl;
  readonly #options: NativeEngineOptions;
  #limits: EngineLimits;
  #threads: Threads;
  readonly #endpoints = new Map<number, NativeEndpoint>();
  #nextEndpoint = 1;
  #lastId = 0;
  readonly #calls = new Map<number, (result: readonly Progress[]) => void>();
  #nextCall = 1;
  #deaths: number[] = [];
  /** Notices that were given: one each is enough. */
  readonly #noticed = new Set<string>();
  /** Takes nothing more: closed, or given up. */
  #closed = false;
  /** Threads of before have ended, and what they used is closed. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(control: PlaneControl, options: NativeEngineOptions) {
    this.#control = control;
    this.#options = options;
    this.#limits = options.limits;
    this.#threads = this.#start();
  }

  /** Opens a socket and has the data thread listen to it. Throws Node-like system errors. */
  async bind(to: SocketAddress, owner: SocketOwner): Promise<NativeEndpoint> {
    // An address that was let go of a moment ago is ours until the data thread has noticed.
    const same = () =>
      [...this.#endpoints.values()].filter(({ address, port }) => 'port' in to && to.port === port && to.address === address);
    for (const { closing, closed } of same()) if (closing) await closed;
    await this.#threads.loaded;
    if (this.#closed) throw new Error('the transport is closed');
    const sharing = 'port' in to && to.sharesPort ? same().map(({ fd }) => fd) : [];
    const socket = openSocket(to, sharing);
    for (const { fields, message } of socket.notices) {
      if (!this.#noticed.has(message)) this.#options.notice(fields, message);
      this.#noticed.add(message);
    }
    const link = { post: (message: ToData) => this.#post(message), applied: () => this.#applied() };
    const endpoint = new NativeEndpoint(this.#nextEndpoint++, socket, owner, link);
    this.#endpoints.set(endpoint.number, endpoint);
    endpoint.announce();
    endpoint.describe();
    return endpoint;
  }

  answer(exchange: Answer): void {
    if (this.#closed) return;
    const { transfer: id, content, first, limits } = exchange;
    const limitsId = this.#threads.limitsId(limits);
    const { held, file } = (first === undefined && content?.lend?.()) || {};
    if (held) {
      // A file of one segment: its bytes go along only if the data thread does not have this version yet.
      const { version, size } = held;
      const first = this.#threads.isGiven(version, size) ? undefined : held.take();
      held.forget();
      this.#post({ kind: 'serve', id, file: { fd: NOT_OPEN, version, size }, first, limitsId });
    } else if (file) {
      exchange.borrowed = { by: this.#threads, returned: false, onReturned: () => {} };
      this.#threads.tell({ kind: 'open', id, file });
      const { fd, version } = file;
      this.#post({ kind: 'serve', id, file: { fd, version: versionKey(version), size: version.size }, limitsId });
    } else {
      const { limits: _, ...answer } = engineAnswer(exchange);
      this.#post({ kind: 'answer', id, answer, limitsId });
    }
  }

  refuse(id: number, error: WireError): void {
    this.#post({ kind: 'refuse', id, error });
  }

  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void {
    this.#post({ kind: 'supply', id, index, bytes, last });
  }

  written(id: number, bytes: number, stored: boolean): void {
    this.#post({ kind: 'written', id, bytes, stored });
  }

  finished(id: number): void {
    this.#post({ kind: 'finished', id }, false);
  }

  setLimits(limits: EngineLimits): void {
    this.#limits = limits;
    this.#post({ kind: 'limits', limits });
  }

  progress(): Promise<readonly Progress[]> {
    return this.#call((call) => ({ kind: 'progress', call }));
  }

  async refuseAll(error: WireError): Promise<void> {
    await this.#call((call) => ({ kind: 'refuseAll', call, error }));
  }

  release({ transfer: id, borrowed }: Answer): Awaitable<void> {
    if (!borrowed || borrowed.returned) return;
    const by = borrowed.by as Threads;
    if (!by.dead) by.tell({ kind: 'close', id });
    return new Promise((resolve) => {
      borrowed.onReturned = resolve;
    });
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#ended = Promise.all([this.#ended, this.#threads.end()]);
    this.#closed = true;
    await this.#ended;
    for (const number of [...this.#endpoints.keys()]) this.#closeDescriptor(number);
  }

  #start(): Threads {
    return new Threads({
      limits: this.#limits,
      firstId: this.#lastId + 1,
      budget: this.#options.budget.share(),
      stats: this.#options.stats,
      onMessage: (message) => this.#handle(message),
      onFileReleased: (id) => this.#fileReleased(this.#control.exchanges.get(id)?.borrowed),
      onExit: (error) => this.#exited(error),
    });
  }

  #handle(message: FromData): void {
    switch (message.kind) {
      case 'request': {
        const { id, peer, endpoint, packet } = message;
        this.#lastId = id;
        const listener = this.#endpoints.get(endpoint);
        if (listener) this.#control.request({ id, peer, listener, packet });
        else {
          this.refuse(id, { code: ErrorCode.undefined, message: 'server is stopping' });
          this.finished(id);
        }
        return;
      }
      case 'need':
        return this.#control.need(message.id, message.index);
      case 'store':
        return this.#control.store(message.id, message.bytes, message.last);
      case 'end':
        return this.#control.end(message.id, message.ending);
      case 'closed':
        return this.#closeDescriptor(message.endpoint);
      case 'progress':
      case 'done':
        this.#calls.get(message.call)?.(message.kind === 'progress' ? message.progress : []);
        this.#calls.delete(message.call);
        return;
    }
  }

  /** The data thread does not use it any more. */
  #closeDescriptor(number: number): void {
    const endpoint = this.#endpoints.get(number);
    if (!endpoint) return;
    this.#endpoints.delete(number);
    closeSocket(endpoint.fd);
    endpoint.markClosed();
  }

  /** The content thread has let go of a file. */
  #fileReleased(borrowed: Borrowed | undefined): void {
    if (!borrowed) return;
    borrowed.returned = true;
    borrowed.onReturned();
  }

  /** Starts new threads; what the old ones had under way has failed. */
  #exited(error: unknown): void {
    this.#options.fault(error, 'native transport');
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    // The other thread may use them until it has ended.
    const files = Array.from(this.#control.exchanges.values(), ({ borrowed }) => borrowed);
    const sockets = [...this.#endpoints.values()].filter(({ closing }) => closing);
    const ended = this.#threads.end().then(() => {
      for (const file of files) this.#fileReleased(file);
      for (const { number } of sockets) this.#closeDescriptor(number);
    });
    this.#ended = Promise.all([this.#ended, ended]);
    try {
      this.#restart();
    } catch (failure) {
      this.#closed = true;
      sockets.push(...this.#endpoints.values());
      this.#options.fault(failure, 'native transport');
    }
    for (const resolve of this.#calls.values()) resolve([]);
    this.#calls.clear();
    this.#control.lost({ code: ErrorCode.undefined, message: 'the thread that served it has died' });
  }

  /** Throws if that makes no sense, or cannot be done. */
  #restart(): void {
    const deaths = this.#deaths.length;
    if (deaths > MAX_DEATHS)
      throw new Error(`its threads died ${deaths} times within a minute: it will not listen again until a restart`);
    this.#threads = this.#start();
    this.#options.stats.add('restarts.data-thread');
    const living = [...this.#endpoints.values()].filter(({ closing }) => !closing);
    for (const endpoint of living) endpoint.announce();
    for (const endpoint of living) endpoint.describe();
  }

  /** Resolves when the data thread has obeyed all that was posted before. */
  async #applied(): Promise<void> {
    await this.#call((call) => ({ kind: 'settle', call }));
  }

  #call(make: (call: number) => ToData): Promise<readonly Progress[]> {
    if (this.#closed) return Promise.resolve([]);
    const call = this.#nextCall++;
    return new Promise((resolve) => {
      this.#calls.set(call, resolve);
      this.#post(make(call));
    });
  }

  #post(message: ToData, urgent?: boolean): void {
    if (!this.#closed) this.#threads.post(message, urgent);
  }
}
