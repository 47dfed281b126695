/**
 * The Engine in a thread of its own, as the main thread has it: starts the data thread and the content thread, passes messages,
 * and owns every descriptor. A thread that dies is started anew: its transfers have failed, its listening sockets go on.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Awaitable, Content } from '../../content/content.ts';
import { FileContent } from '../../content/file.ts';
import { versionKey } from '../../content/version.ts';
import type { ControlPlane, EngineLimits } from '../../protocol/engine.ts';
import { ErrorCode } from '../../protocol/error.ts';
import type { ReadAnswer } from '../../protocol/read-transfer.ts';
import type { Progress } from '../../protocol/transfer.ts';
import type { WriteAnswer } from '../../protocol/write-transfer.ts';
import type { DataPlane, WireError } from '../data-plane.ts';
import type { SocketAddress, SocketOwner } from '../socket.ts';
import type { ContentThreadOptions } from './content-thread.ts';
import type { DataThreadOptions } from './data-thread.ts';
import { NativeEndpoint } from './endpoint.ts';
import { type FlatFromData, flatToData, fromData } from './flat.ts';
import { C, call, mustCall } from './libc.ts';
import type { FileByNumber, FromData, ToContent, ToData } from './messages.ts';
import { Readiness } from './readiness.ts';
import { closeSocket, openSocket } from './socket.ts';
import { Terms } from './terms.ts';
import { Thread } from './thread.ts';
import { makeFlags, Waker } from './wake.ts';

export interface NativeEngineOptions {
  readonly limits: EngineLimits;
  /** Bytes of files that the data thread keeps. */
  readonly cacheBytes: number;
  /** Something went wrong that no transfer can be told. */
  fault(error: unknown, what: string): void;
  /** The kernel does not grant all that is wanted. */
  notice(fields: object, message: string): void;
}

/** Threads that die more often than this in a row are not started again. */
const MAX_DEATHS = 5;
const DEATHS_WITHIN_MS = 60_000;

/** Messages that travel together at the most. */
const MESSAGES_TOGETHER = 16;

/** What lives and dies together. */
interface Threads {
  readonly data: Thread;
  readonly content: Thread;
  readonly toData: MessagePort;
  readonly toContent: MessagePort;
  readonly waker: Waker;
  readonly terms: Terms;
  /** Descriptors of the wait and the wake. */
  readonly fds: readonly number[];
  /** One of them has died: what the other still says is too late. */
  dead: boolean;
}

interface ReadFile {
  readonly known: FileByNumber;
  readonly by: Threads;
  /** Fulfilled when it does not use the descriptor any more. */
  readonly letGo: PromiseWithResolvers<void>;
}

export class NativeEngine implements DataPlane {
  readonly #control: ControlPlane;
  readonly #options: NativeEngineOptions;
  #limits: EngineLimits;
  #threads: Threads;
  readonly #endpoints = new Map<number, NativeEndpoint>();
  #nextEndpoint = 1;
  /** When each transfer that the data thread knows has begun. */
  readonly #transfers = new Map<number, number>();
  #lastId = 0;
  /** Files that the threads read. */
  readonly #files = new Map<number, ReadFile>();
  readonly #calls = new Map<number, (result: readonly Progress[]) => void>();
  #nextCall = 1;
  #outgoing: ToData[] = [];
  #deaths: number[] = [];
  /** Notices that were given: one each is enough. */
  readonly #noticed = new Set<string>();
  /** Takes nothing more: closed, or given up. */
  #closed = false;
  /** Threads of before have ended, and what they used is closed. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(control: ControlPlane, options: NativeEngineOptions) {
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
    await Promise.all([this.#threads.data.loaded, this.#threads.content.loaded]);
    if (this.#closed) throw new Error('the transport is closed');
    const beside = 'port' in to && to.beside ? same().map(({ fd }) => fd) : [];
    const socket = openSocket(to, beside);
    for (const { fields, message } of socket.notices) {
      if (!this.#noticed.has(message)) this.#options.notice(fields, message);
      this.#noticed.add(message);
    }
    const ways = { post: (message: ToData) => this.#post(message), settled: () => this.#settled() };
    const endpoint = new NativeEndpoint(this.#nextEndpoint++, socket, owner, ways);
    this.#endpoints.set(endpoint.number, endpoint);
    endpoint.announce();
    endpoint.describe();
    return endpoint;
  }

  answer(id: number, { limits, ...answer }: ReadAnswer | WriteAnswer): void {
    const terms = this.#threads.terms.numberOf(limits);
    this.#post({ kind: 'answer', id, answer, terms, file: this.#files.get(id)?.known });
  }

  refuse(id: number, { code, message }: WireError): void {
    this.#post({ kind: 'refuse', id, error: { code, message } });
  }

  supply(id: number, index: number, bytes: Uint8Array, last: boolean): void {
    this.#post({ kind: 'supply', id, index, bytes, last });
  }

  written(id: number, bytes: number, stored: boolean): void {
    this.#post({ kind: 'written', id, bytes, stored });
  }

  setLimits(limits: EngineLimits): void {
    this.#limits = limits;
    this.#post({ kind: 'limits', limits });
  }

  progress(): Promise<readonly Progress[]> {
    return this.#call((call) => ({ kind: 'progress', call }));
  }

  async refuseAll({ code, message }: WireError): Promise<void> {
    await this.#call((call) => ({ kind: 'refuseAll', call, error: { code, message } }));
  }

  adopt(id: number, content: Content): boolean {
    const file = content instanceof FileContent ? content.handover : undefined;
    if (!file || this.#closed) return false;
    const { fd, version } = file;
    const known = { fd, version: versionKey(version), size: version.size };
    this.#files.set(id, { known, by: this.#threads, letGo: Promise.withResolvers() });
    this.#threads.toContent.postMessage({ kind: 'open', id, file } satisfies ToContent);
    return true;
  }

  release(id: number): Awaitable<void> {
    const file = this.#files.get(id);
    if (!file) return;
    if (!file.by.dead) file.by.toContent.postMessage({ kind: 'close', id } satisfies ToContent);
    return file.letGo.promise;
  }

  async close(): Promise<void> {
    if (!this.#closed) this.#ended = Promise.all([this.#ended, this.#end(this.#threads)]);
    this.#closed = true;
    await this.#ended;
    for (const number of [...this.#endpoints.keys()]) this.#closeDescriptor(number);
  }

  #start(): Threads {
    const epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
    const wakeFd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
    new Readiness(epoll).add(wakeFd, true);
    const wake = { fd: wakeFd, flags: makeFlags() };
    const control = new MessageChannel();
    const files = new MessageChannel();
    const contentControl = new MessageChannel();
    const died = (error: unknown) => this.#died(threads, error);
    const dataOptions: DataThreadOptions = {
      limits: this.#limits,
      firstId: this.#lastId + 1,
      cacheBytes: this.#options.cacheBytes,
      epoll,
      wake,
      control: control.port2,
      content: files.port2,
    };
    const contentOptions: ContentThreadOptions = { wake, control: contentControl.port2, data: files.port1 };
    const threads: Threads = {
      data: new Thread('data-worker', dataOptions, [control.port2, files.port2], died),
      content: new Thread('content-worker', contentOptions, [contentControl.port2, files.port1], died),
      toData: control.port1,
      toContent: contentControl.port1,
      waker: new Waker(wake),
      terms: new Terms((number, limits) => this.#post({ kind: 'terms', number, limits })),
      fds: [epoll, wakeFd],
      dead: false,
    };
    control.port1.on('message', (messages: readonly FlatFromData[]) => {
      if (!threads.dead) for (const message of messages) this.#obey(fromData(message));
    });
    contentControl.port1.on('message', (id: number) => this.#letGo(id));
    return threads;
  }

  #obey(message: FromData): void {
    switch (message.kind) {
      case 'request': {
        const { id, peer, endpoint, packet } = message;
        this.#lastId = id;
        this.#transfers.set(id, performance.now());
        const listener = this.#endpoints.get(endpoint);
        if (listener) this.#control.request({ id, peer, listener, packet });
        else this.refuse(id, { code: ErrorCode.undefined, message: 'server is stopping' });
        return;
      }
      case 'need':
        return this.#control.need(message.id, message.index);
      case 'store':
        return this.#control.store(message.id, message.bytes, message.last);
      case 'end':
        this.#transfers.delete(message.id);
        return this.#control.end(message.id, message.ending);
      case 'dropped':
        return this.#control.dropped(message.reason, message.peer);
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
    endpoint.wasClosed();
  }

  /** The content thread has let go of a file. */
  #letGo(id: number): void {
    this.#files.get(id)?.letGo.resolve();
    this.#files.delete(id);
  }

  /** Starts new threads; what the old ones had under way has failed. */
  #died(threads: Threads, error: unknown): void {
    if (this.#closed || threads.dead) return;
    // What the thread has said before.
    for (let got = receiveMessageOnPort(threads.toData); got; got = receiveMessageOnPort(threads.toData))
      for (const message of got.message as readonly FlatFromData[]) this.#obey(fromData(message));
    threads.dead = true;
    this.#options.fault(error, 'native transport');
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < DEATHS_WITHIN_MS), now];
    // The other thread may use them until it has ended.
    const files = [...this.#files.keys()];
    const sockets = [...this.#endpoints.values()].filter(({ closing }) => closing);
    const ended = this.#end(threads).then(() => {
      for (const id of files) this.#letGo(id);
      for (const { number } of sockets) this.#closeDescriptor(number);
    });
    this.#ended = Promise.all([this.#ended, ended]);
    this.#outgoing = [];
    try {
      this.#restart();
    } catch (failure) {
      this.#closed = true;
      sockets.push(...this.#endpoints.values());
      this.#options.fault(failure, 'native transport');
    }
    for (const resolve of this.#calls.values()) resolve([]);
    this.#calls.clear();
    for (const [id, began] of this.#transfers) this.#control.end(id, failedEnding(now - began));
    this.#transfers.clear();
  }

  /** Throws if that makes no sense, or cannot be done. */
  #restart(): void {
    const deaths = this.#deaths.length;
    if (deaths > MAX_DEATHS)
      throw new Error(`its threads died ${deaths} times within a minute: it listens no more until a restart`);
    this.#threads = this.#start();
    const living = [...this.#endpoints.values()].filter(({ closing }) => !closing);
    for (const endpoint of living) endpoint.announce();
    for (const endpoint of living) endpoint.describe();
  }

  /** Asks both threads to end, and waits for them. */
  async #end({ data, content, toData, toContent, fds, waker }: Threads): Promise<void> {
    this.#flush();
    toData.postMessage([{ kind: 'stop' }] satisfies ToData[]);
    waker.wake();
    toContent.postMessage({ kind: 'stop' } satisfies ToContent);
    await Promise.all([data.end(), content.end()]);
    toData.close();
    toContent.close();
    for (const fd of fds) call('close', fd);
  }

  /** Resolves when the data thread has obeyed all that was posted before. */
  async #settled(): Promise<void> {
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

  /** Messages of one turn of the event loop travel together, but a long turn must not leave the data thread without work. */
  #post(message: ToData): void {
    if (this.#closed) return;
    const waiting = this.#outgoing.push(message);
    if (waiting === 1) setImmediate(() => this.#flush());
    else if (waiting === MESSAGES_TOGETHER) this.#flush();
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#threads.toData.postMessage(this.#outgoing.map(flatToData));
    this.#outgoing = [];
    this.#threads.waker.wake();
  }
}

function failedEnding(durationMs: number) {
  return {
    outcome: 'failed',
    bytes: 0,
    durationMs,
    agreement: undefined,
    rttMs: undefined,
    retransmissions: 0,
    lastAckMissing: false,
    error: { code: ErrorCode.undefined, message: 'the thread that served it has died' },
  } as const;
}
