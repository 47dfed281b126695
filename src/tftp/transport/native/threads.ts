/**
 * The data thread and the content thread, as the main thread has them: started together, and over together. It carries messages; what
 * they mean is the {@link NativeEngine}'s business.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { BudgetShare } from '../../../content/budget.ts';
import { Epoll } from '../../../net/native/epoll.ts';
import { C, call, mustCall } from '../../../net/native/libc.ts';
import { makeFlags, Waker } from '../../../net/native/wake.ts';
import type { Stats, StatsShare } from '../../../stats/stats.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import type { TransferLimits } from '../../protocol/transfer.ts';
import type { ContentThreadOptions } from './content-thread.ts';
import type { DataThreadOptions } from './data-thread.ts';
import { type FlatFromData, flatToData, fromData } from './flat.ts';
import type { FromData, ToContent, ToData } from './messages.ts';
import { Terms } from './terms.ts';
import { Thread } from './thread.ts';

export interface ThreadsOptions {
  readonly limits: EngineLimits;
  /** Number of the first transfer. */
  readonly firstId: number;
  /** What the data thread keeps of files is drawn from it. */
  readonly budget: BudgetShare;
  /** Each thread counts in a row of it. */
  readonly stats: Stats;
  /** The data thread says something. */
  said(message: FromData): void;
  /** The content thread does not use a transfer's descriptor any more. */
  letGo(id: number): void;
  /** One of them has ended unasked; told once, after all that it had said. What the other still says is too late. */
  died(error: unknown): void;
}

/** Messages that travel together at the most. */
const MESSAGES_TOGETHER = 16;
/** Memory of this size and more is passed on to the data thread; less is copied, which costs less. */
const PASSED_ON_BYTES = 4096;

export class Threads {
  readonly #options: ThreadsOptions;
  readonly #data: Thread;
  readonly #content: Thread;
  readonly #toData: MessagePort;
  readonly #toContent: MessagePort;
  readonly #waker: Waker;
  readonly #terms: Terms;
  /** What each thread counts in, until it has ended. */
  readonly #rows: readonly StatsShare[];
  /** Descriptors of the wait and the wake. */
  readonly #fds: readonly number[];
  #outgoing: ToData[] = [];
  /** Memory that goes with them. */
  #passedOn: ArrayBuffer[] = [];
  /** One of them wants the data thread awake. */
  #urgent = false;
  #dead = false;
  #ending = false;

  /** Throws a system error if there are no descriptors left. */
  constructor(options: ThreadsOptions) {
    this.#options = options;
    const epoll = mustCall('epoll_create1', C.EPOLL_CLOEXEC);
    const wakeFd = mustCall('eventfd', 0, C.EFD_NONBLOCK_CLOEXEC);
    new Epoll(epoll).add(wakeFd, true);
    this.#fds = [epoll, wakeFd];
    const wake = { fd: wakeFd, flags: makeFlags() };
    this.#waker = new Waker(wake);
    this.#terms = new Terms((number, limits) => this.post({ kind: 'terms', number, limits }));
    const control = new MessageChannel();
    const segments = new MessageChannel();
    const files = new MessageChannel();
    this.#toData = control.port1;
    this.#toContent = files.port1;
    const { limits, firstId, budget, stats } = options;
    const ways = { wake, control: control.port2, content: segments.port2 };
    const [dataRow, contentRow] = [stats.share(), stats.share()];
    this.#rows = [dataRow, contentRow];
    const dataOptions: DataThreadOptions = { limits, firstId, budget, stats: dataRow, epoll, ...ways };
    const contentOptions: ContentThreadOptions = { wake, stats: contentRow, control: files.port2, data: segments.port1 };
    const died = (error: unknown) => this.#died(error);
    this.#data = new Thread('data-worker', dataOptions, [control.port2, segments.port2], died);
    this.#content = new Thread('content-worker', contentOptions, [files.port2, segments.port1], died);
    this.#toData.on('message', (messages: readonly FlatFromData[]) => this.#heard(messages));
    this.#toContent.on('message', (id: number) => options.letGo(id));
  }

  /** Resolves when both run, or are no more. */
  get loaded(): Promise<unknown> {
    return Promise.all([this.#data.loaded, this.#content.loaded]);
  }

  /** One of them has died. */
  get dead(): boolean {
    return this.#dead;
  }

  /** The number by which an answer names what is granted. */
  termsOf(limits: TransferLimits): number {
    return this.#terms.numberOf(limits);
  }

  /**
   * To the data thread. Messages of one turn of the event loop travel together, but a long turn must not leave it without work.
   * @param urgent false: soon enough when it wakes by itself
   */
  post(message: ToData, urgent = true): void {
    // Its wake may be another's descriptor by then.
    if (this.#ending) return;
    this.#urgent ||= urgent;
    const waiting = this.#outgoing.push(message);
    if (waiting === 1) setImmediate(() => this.#flush());
    else if (waiting === MESSAGES_TOGETHER) this.#flush();
  }

  /** The same, and the memory that the message's bytes lie in goes with it. */
  postOwned(message: ToData, memory: ArrayBuffer): void {
    if (memory.byteLength >= PASSED_ON_BYTES) this.#passedOn.push(memory);
    this.post(message);
  }

  /** To the content thread. */
  tell(message: ToContent): void {
    this.#toContent.postMessage(message);
  }

  /** Asks both to end; resolves when they have, and their descriptors are closed. */
  async end(): Promise<void> {
    this.post({ kind: 'stop' });
    this.#flush();
    this.tell({ kind: 'stop' });
    this.#ending = true;
    await Promise.all([this.#data.end(), this.#content.end()]);
    this.#toData.close();
    this.#toContent.close();
    for (const row of this.#rows) this.#options.stats.reclaim(row);
    for (const fd of this.#fds) call('close', fd);
  }

  #heard(messages: readonly FlatFromData[]): void {
    if (!this.#dead) for (const message of messages) this.#options.said(fromData(message));
  }

  #died(error: unknown): void {
    if (this.#ending || this.#dead) return;
    for (let got = receiveMessageOnPort(this.#toData); got; got = receiveMessageOnPort(this.#toData)) this.#heard(got.message);
    this.#dead = true;
    this.#options.died(error);
  }

  #flush(): void {
    if (this.#outgoing.length === 0) return;
    this.#toData.postMessage(this.#outgoing.map(flatToData), this.#passedOn);
    this.#outgoing = [];
    this.#passedOn = [];
    if (this.#urgent) this.#waker.wake();
    else this.#waker.posted();
    this.#urgent = false;
  }
}
