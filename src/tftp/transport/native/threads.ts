/**
 * The data thread and the content thread, as the main thread has them: started together, and over together. It carries messages; what
 * they mean is the {@link NativeEngine}'s business.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { BudgetShare } from '../../../content/budget.ts';
import { ENTRY_BYTES } from '../../../content/lru.ts';
import { Epoll } from '../../../net/native/epoll.ts';
import { C, call, mustCall } from '../../../net/native/libc.ts';
import { makeFlags, Waker } from '../../../net/native/wake.ts';
import type { Stats, StatsShare } from '../../../stats/stats.ts';
import type { EngineLimits } from '../../protocol/engine.ts';
import type { TransferLimits } from '../../protocol/transfer.ts';
import { Bell, bellFlag } from './bell.ts';
import type { ContentThreadOptions } from './content-thread.ts';
import type { DataThreadOptions } from './data-thread.ts';
import { LimitsTable } from './limits-table.ts';
import { MailboxReader, MailboxWriter, mailboxMemory } from './mailbox.ts';
import { MessageQueue } from './message-queue.ts';
import type { FromData, ToContent, ToData } from './messages.ts';
import { packToData, unpackFromData } from './packing.ts';
import { Thread } from './thread.ts';

export interface ThreadsOptions {
  readonly limits: EngineLimits;
  /** Number of the first transfer. */
  readonly firstId: number;
  /** What the data thread keeps of files is drawn from it. */
  readonly budget: BudgetShare;
  /** Each thread counts in a row of it. */
  readonly stats: Stats;
  /** From the data thread. */
  onMessage(message: FromData): void;
  /** The content thread does not use a transfer's descriptor any more. */
  onFileReleased(id: number): void;
  /** One of them has ended by itself; called once, after its last message. Later messages of the other are dropped. */
  onExit(error: unknown): void;
}

/** Messages taken in one turn of the event loop: what they lead to runs when it ends. */
const MESSAGES_A_TURN = 8;
/** Versions of files that are remembered. */
const MAX_GIVEN = 4096;

export class Threads {
  readonly #options: ThreadsOptions;
  readonly #data: Thread;
  readonly #content: Thread;
  readonly #ports: readonly MessagePort[];
  readonly #reader: MailboxReader;
  readonly #toData: MessageQueue<ToData>;
  readonly #bell: Bell;
  readonly #toContent: MessagePort;
  readonly #waker: Waker;
  readonly #transferLimits: LimitsTable;
  /** What each thread counts in, until it has ended. */
  readonly #rows: readonly StatsShare[];
  /** Descriptors of the wait and the wake. */
  readonly #fds: readonly number[];
  /** Versions of files. */
  readonly #given = new Set<string>();
  /** A turn of the event loop will see to the mailbox. */
  #awake = false;
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
    this.#transferLimits = new LimitsTable((number, limits) => this.post({ kind: 'transfer-limits', number, limits }));
    const [bell, fromData, toData] = [new MessageChannel(), new MessageChannel(), new MessageChannel()];
    const [segments, files] = [new MessageChannel(), new MessageChannel()];
    const incoming = mailboxMemory();
    const outgoing = mailboxMemory();
    const flag = bellFlag();
    this.#reader = new MailboxReader({ memory: incoming, port: fromData.port1 });
    const writer = new MailboxWriter({ memory: outgoing, port: toData.port1 });
    this.#toData = new MessageQueue((message) => packToData(writer, message));
    this.#bell = new Bell({ flag, port: bell.port1 });
    this.#toContent = files.port1;
    this.#ports = [bell.port1, fromData.port1, toData.port1, files.port1];
    const { limits, firstId, budget, stats } = options;
    const [dataRow, contentRow] = [stats.share(), stats.share()];
    this.#rows = [dataRow, contentRow];
    const dataOptions: DataThreadOptions = {
      limits,
      firstId,
      budget,
      stats: dataRow,
      epoll,
      wake,
      bell: { flag, port: bell.port2 },
      incoming: { memory: outgoing, port: toData.port2 },
      outgoing: { memory: incoming, port: fromData.port2 },
      content: segments.port2,
    };
    const contentOptions: ContentThreadOptions = { wake, stats: contentRow, control: files.port2, data: segments.port1 };
    const onExit = (error: unknown) => this.#exited(error);
    const dataPorts = [bell.port2, fromData.port2, toData.port2, segments.port2];
    this.#data = new Thread('data-worker', dataOptions, dataPorts, onExit);
    this.#content = new Thread('content-worker', contentOptions, [files.port2, segments.port1], onExit);
    this.#bell.onRing(() => this.#turn());
    this.#toContent.on('message', (id: number) => options.onFileReleased(id));
    this.#sleep();
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
  limitsId(limits: TransferLimits): number {
    return this.#transferLimits.numberOf(limits);
  }

  /**
   * To the data thread.
   * @param urgent false: soon enough when it wakes by itself
   */
  post(message: ToData, urgent = true): void {
    // Its wake may be another's descriptor by then.
    if (this.#ending) return;
    this.#toData.send(message);
    if (urgent) this.#waker.wake();
    else this.#waker.posted();
    // The data thread makes room at once, and has no reason to say so.
    if (this.#toData.waits) this.#wake();
  }

  /**
   * Whether the data thread has the bytes of this version of a file of one segment; after this it has. It may have dropped them since,
   * and asks for them then.
   */
  isGiven(version: string, size: number): boolean {
    if (this.#given.has(version)) return true;
    if (size === 0 || size + ENTRY_BYTES > this.#options.budget.maxBytes) return false;
    if (this.#given.size >= MAX_GIVEN) this.#given.clear();
    this.#given.add(version);
    return false;
  }

  /** To the content thread. */
  tell(message: ToContent): void {
    this.#toContent.postMessage(message);
  }

  /** Asks both to end; resolves when they have, and their descriptors are closed. */
  async end(): Promise<void> {
    this.post({ kind: 'stop' });
    this.tell({ kind: 'stop' });
    this.#ending = true;
    await Promise.all([this.#data.end(), this.#content.end()]);
    if (!this.#dead) while (this.#take());
    this.#dead = true;
    for (const port of this.#ports) port.close();
    for (const row of this.#rows) this.#options.stats.reclaim(row);
    for (const fd of this.#fds) call('close', fd);
  }

  /** The next turns of the event loop see to the mailbox, until it is empty. */
  #wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#awake = false;
    if (this.#dead) return;
    try {
      this.#toData.flush();
      if (this.#toData.waits) this.#waker.wake();
      for (let taken = 0; taken < MESSAGES_A_TURN && this.#take(); taken++);
    } finally {
      if (this.#reader.empty && !this.#toData.waits) this.#sleep();
      else this.#wake();
    }
  }

  #sleep(): void {
    this.#bell.sleeping = true;
    if (this.#reader.empty) return;
    this.#bell.sleeping = false;
    this.#wake();
  }

  #take(): boolean {
    return this.#reader.take(this.#record, this.#parcel);
  }

  readonly #record = (kind: number): void => this.#options.onMessage(unpackFromData(this.#reader, kind));
  readonly #parcel = (message: unknown): void => this.#options.onMessage(message as FromData);

  #exited(error: unknown): void {
    if (this.#ending || this.#dead) return;
    while (this.#take());
    this.#dead = true;
    this.#options.onExit(error);
  }
}
