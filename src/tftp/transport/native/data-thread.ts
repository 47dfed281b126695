/**
 * The data thread: the Engine, and a loop that waits for datagrams, hands them to it, and sends what it made of them. What the
 * system has of a file in memory it reads itself, so that a warm file costs no other thread's time. It runs no user's code and opens
 * no file; descriptors are made and closed by the main thread.
 */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { unpredictable } from '../../../base/random.ts';
import { SEGMENT_BYTES } from '../../../base/segment.ts';
import { type BudgetShare, CacheBudget } from '../../../content/budget.ts';
import { freeMemory, Holders } from '../../../content/holders.ts';
import { Batch } from '../../../net/native/batch.ts';
import { EpollDriver, type EpollMachine, MAX_WAIT_MS } from '../../../net/native/epoll-driver.ts';
import { preferHugePages } from '../../../net/native/libc.ts';
import { Waker, type WakeShare } from '../../../net/native/wake.ts';
import { Stats, type StatsShare } from '../../../stats/stats.ts';
import { type ControlPlane, Engine, type EngineLimits } from '../../protocol/engine.ts';
import { ErrorCode } from '../../protocol/error.ts';
import type { Outbox } from '../../protocol/outbox.ts';
import { dataHeader } from '../../protocol/packet.ts';
import type { TransferLimits } from '../../protocol/transfer.ts';
import { Bell, type BellShare } from './bell.ts';
import { BusyPoll } from './busy-poll.ts';
import { type DataEndpoint, DataEndpoints } from './data-endpoints.ts';
import { MailboxReader, type MailboxShare, MailboxWriter } from './mailbox.ts';
import { MessageQueue } from './message-queue.ts';
import type { FromContent, FromData, Serve, Supplied, ToContent, ToData } from './messages.ts';
import { packFromData, unpackToData } from './packing.ts';
import { PageCache } from './page-cache.ts';
import { SegmentSource } from './segment-source.ts';
import { StallGrace } from './stall-grace.ts';
import { UnreadFiles } from './unread-files.ts';

/** Segments that wait to be sent, or to be let go of, within a round: their memory is used again for the next. */
const SEGMENTS_TOGETHER = 32;
const SEVERAL_CORES = availableParallelism() > 1;
/** How long the main thread's answer is polled for. Woken from its sleep it takes a quarter of a millisecond for a request. */
const MAIN_POLL_MS = 0.5;
/** The same for peers, on a fast link, and how many of them. */
const PEER_POLL_MS = 0.1;
const PEERS_POLLED = 4;
/** Messages of the main thread taken in one round. */
const MESSAGES_A_ROUND = 128;
/** While the main thread's mailbox is full: it has made room by then. */
const FULL_WAIT_MS = 1;

export interface DataThreadOptions {
  readonly limits: EngineLimits;
  /** Transfers of an earlier thread had lower numbers. */
  readonly firstId: number;
  /** What is kept of files is drawn from it. */
  readonly budget: BudgetShare;
  /** What happens is counted in it. */
  readonly stats: StatsShare;
  readonly epoll: number;
  readonly wake: WakeShare;
  /** Wakes the main thread. */
  readonly bell: BellShare;
  /** From the main thread. */
  readonly incoming: MailboxShare;
  /** To the main thread. */
  readonly outgoing: MailboxShare;
  readonly content: MessagePort;
}

export class DataThread {
  readonly #ports: readonly MessagePort[];
  readonly #bell: Bell;
  readonly #reader: MailboxReader;
  readonly #outgoing: MessageQueue<FromData>;
  readonly #content: MessagePort;
  readonly #waker: Waker;
  readonly #driver: EpollDriver<DataEndpoint>;
  readonly #engine: Engine;
  readonly #endpoints = new DataEndpoints();
  readonly #source: SegmentSource;
  /** Of memory that has come with messages. */
  readonly #holders = new Holders((memory) => void this.#unheld.add(memory));
  /** Memory to free at the end of this round: what lies in it may still be to be sent. */
  readonly #unheld = new Set<ArrayBuffer>();
  readonly #unread = new UnreadFiles();
  /** What transfers are granted, by number. */
  readonly #transferLimits: TransferLimits[] = [];
  /** What this round sends, from whatever endpoint: there are many of them, and a batch has memory of its own. */
  readonly #batch = new Batch();
  /** Segments that were wanted and are here: the Engine is not called back from its own calls. */
  #supplied: Supplied[] = [];
  /** Reads for the content thread, sent at the end of this round. */
  #needs: ToContent[] = [];
  readonly #stallGrace = new StallGrace();
  /** Requests that the main thread has not answered yet. */
  readonly #unanswered = new Set<number>();
  readonly #pollMain = new BusyPoll({
    now: () => performance.now(),
    pollMs: MAIN_POLL_MS,
    maxTransfers: Number.POSITIVE_INFINITY,
  });
  readonly #pollPeers = new BusyPoll({ now: () => performance.now(), pollMs: PEER_POLL_MS, maxTransfers: PEERS_POLLED });
  #stopped = false;

  constructor({ limits, firstId, budget, stats, epoll, wake, bell, incoming, outgoing, content }: DataThreadOptions) {
    const counters = new Stats(stats);
    this.#source = new SegmentSource({
      pageCache: new PageCache(),
      budget: CacheBudget.join(budget),
      counters,
      holders: this.#holders,
      fetch: (id, index) => this.#tell({ kind: 'need', id, index }),
      supply: (id, index, bytes) => this.#supplied.push({ kind: 'supply', id, index, bytes, last: bytes.length < SEGMENT_BYTES }),
      refuse: (id, error) => this.#engine.refuse(id, error, this.#driver.now),
      tell: (message) => this.#needs.push(message),
      grown: (chunk) => preferHugePages(new Uint8Array(chunk)),
    });
    this.#ports = [bell.port, incoming.port, outgoing.port, content];
    this.#bell = new Bell(bell);
    this.#reader = new MailboxReader(incoming);
    const writer = new MailboxWriter(outgoing);
    this.#outgoing = new MessageQueue((message) => packFromData(writer, message));
    this.#content = content;
    this.#waker = new Waker(wake);
    this.#driver = new EpollDriver(epoll);
    const outbox: Outbox = {
      send: (from, to, datagram) => this.#batch.send(from as DataEndpoint, to, datagram),
      data: (from, to, block, slices) => this.#batch.framed(from as DataEndpoint, to, dataHeader(block), slices),
    };
    this.#engine = new Engine(outbox, this.#controlPlane(), counters, limits, unpredictable, firstId);
  }

  /** Runs until a `stop` message. */
  async run(): Promise<void> {
    await this.#driver.run(
      this.#machine(),
      () => this.#stopped,
      () => this.#round(),
    );
    for (const port of this.#ports) port.close();
  }

  #machine(): EpollMachine<DataEndpoint> {
    const engine = this.#engine;
    return {
      receive: (endpoint, peer, datagram, now) => engine.receive(endpoint, peer, datagram, now),
      get nextDeadline() {
        return engine.nextDeadline;
      },
      expire: (now) => engine.expire(now, this.#stallGrace.until(now)),
    };
  }

  #round(): void {
    const driver = this.#driver;
    const began = performance.now();
    this.#stallGrace.roundEnded(driver.takeEarliestNow(), began);
    const ready = this.#takeMessages() ? driver.wait(0) : this.#wait(began);
    if (ready === 0) driver.tick();
    driver.expire();
    if (this.#unread.size > 0) this.#giveUpUnread();
    this.#flush();
  }

  /** Until something comes, or the next deadline. */
  #wait(began: number): number {
    const waitMs = Math.min(this.#driver.waitMs(began), this.#outgoing.waits ? FULL_WAIT_MS : MAX_WAIT_MS);
    const came = waitMs > 0 ? this.#busyPoll() : 0;
    if (came > 0) return came;
    this.#waker.sleeping = true;
    const ready = this.#driver.wait(this.#hasMessages ? 0 : waitMs);
    this.#waker.sleeping = false;
    return ready;
  }

  #busyPoll(): number {
    // With one core, the other side waits for it.
    if (!SEVERAL_CORES) return 0;
    if (this.#unanswered.size > 0) return this.#pollMain.poll(this.#unanswered.size, this.#poll);
    return this.#pollPeers.poll(this.#engine.size, this.#poll);
  }

  readonly #poll = (): number => {
    if (!this.#hasMessages) return this.#driver.wait(0);
    this.#driver.tick();
    return 1;
  };

  get #hasMessages(): boolean {
    return !this.#reader.empty || this.#waker.isPosted;
  }

  /** Everything that the round has made: segments that are here already, datagrams, messages. */
  #flush(): void {
    while (this.#supplied.length > 0) {
      const segments = this.#supplied;
      this.#supplied = [];
      for (const segment of segments) this.#supply(segment);
    }
    this.#batch.flush();
    this.#source.endRound();
    // Bytes of one message may lie in the same memory: then another transfer may have come to hold it.
    for (const memory of this.#unheld) if (!this.#holders.isHeld(memory)) freeMemory(memory);
    this.#unheld.clear();
    this.#askContent();
    if (this.#outgoing.waits) this.#flushOutgoing();
  }

  #askContent(): void {
    if (this.#needs.length === 0) return;
    this.#content.postMessage(this.#needs);
    this.#needs = [];
  }

  /** To the main thread, which may begin with the first requests of a storm while the next ones are still being taken. */
  #tell(message: FromData): void {
    this.#outgoing.send(message);
    this.#bell.ring();
  }

  #flushOutgoing(): void {
    this.#outgoing.flush();
    this.#bell.ring();
  }

  /** Returns whether there were any. */
  #takeMessages(): boolean {
    if (!this.#hasMessages) return false;
    this.#waker.takePosted();
    this.#driver.tick();
    for (let taken = 0; taken < MESSAGES_A_ROUND && this.#reader.take(this.#record, this.#parcel); taken++)
      if (this.#supplied.length + this.#unheld.size >= SEGMENTS_TOGETHER) this.#flush();
    for (let got = receiveMessageOnPort(this.#content); got; got = receiveMessageOnPort(this.#content)) {
      for (const message of got.message as readonly FromContent[]) this.#source.handle(message);
      if (this.#supplied.length + this.#unheld.size >= SEGMENTS_TOGETHER) this.#flush();
    }
    return true;
  }

  readonly #record = (kind: number): void => this.#handle(unpackToData(this.#reader, kind));
  readonly #parcel = (message: unknown): void => this.#handle(message as ToData);

  #handle(message: ToData): void {
    const now = this.#driver.now;
    switch (message.kind) {
      case 'supply':
        this.#holders.hold(message.bytes);
        this.#source.keep(message.id, message.bytes);
        return this.#supply(message);
      case 'transfer-limits':
        this.#transferLimits[message.number] = message.limits;
        return;
      case 'answer':
        this.#unanswered.delete(message.id);
        return this.#answer(message);
      case 'serve':
        this.#unanswered.delete(message.id);
        return this.#serve(message);
      case 'refuse':
        this.#unanswered.delete(message.id);
        return this.#engine.refuse(message.id, message.error, now);
      case 'finished':
        return this.#engine.finished(message.id);
      case 'written':
        return this.#engine.written(message.id, message.bytes, message.stored, now);
      case 'limits':
        this.#engine.limits = message.limits;
        return;
      case 'progress':
        this.#tell({ kind: 'progress', call: message.call, progress: this.#engine.progress() });
        return;
      case 'refuseAll':
        this.#engine.refuseAll(message.error, now);
        this.#tell({ kind: 'done', call: message.call });
        return;
      case 'settle':
        this.#tell({ kind: 'done', call: message.call });
        return;
      case 'endpoint':
        return this.#driver.add(this.#endpoints.open(message));
      case 'accepts':
        return this.#endpoints.accept(message.endpoint, message.accepts);
      case 'replies':
        return this.#endpoints.reply(message.endpoint, message.replies);
      case 'close':
        return this.#close(message.endpoint);
      case 'stop':
        this.#stopped = true;
        return;
    }
  }

  #answer({ id, answer, limitsId }: Extract<ToData, { kind: 'answer' }>): void {
    const first = answer.kind === 'read' ? answer.first : undefined;
    if (first !== undefined) this.#holders.hold(first);
    const answered = this.#engine.answer(id, { ...answer, limits: this.#transferLimits[limitsId]! }, this.#driver.now);
    if (!answered && first !== undefined) this.#holders.release(first);
  }

  /** The answer waits for the first segment, which is mostly here. */
  #serve({ id, file, limitsId, first }: Serve): void {
    const limits = this.#transferLimits[limitsId]!;
    this.#source.open(id, file);
    if (first !== undefined) {
      this.#holders.hold(first);
      this.#source.keep(id, first);
    }
    const bytes = first ?? this.#source.first(id);
    if (bytes !== undefined) return this.#answerWith(id, file.size, bytes, limits);
    this.#unread.add(id, file.size, limits, this.#driver.now);
    this.#source.need(id, 0);
  }

  #supply({ id, index, bytes, last }: Supplied): void {
    const unread = this.#unread.take(id);
    if (unread === undefined) return this.#engine.supply(id, index, bytes, last, this.#driver.now);
    this.#answerWith(id, unread.size, bytes, unread.limits);
  }

  #answerWith(id: number, size: number, first: Uint8Array, limits: TransferLimits): void {
    if (this.#engine.answer(id, { kind: 'read', size, first, again: true, limits }, this.#driver.now)) return;
    this.#source.close(id);
    this.#release(first);
  }

  #release(bytes: Uint8Array): void {
    this.#source.release(bytes);
    this.#holders.release(bytes);
  }

  /** A disk that hangs must not keep its clients waiting for a word. */
  #giveUpUnread(): void {
    for (const { id, limits } of this.#unread.takeOverdue(this.#driver.now)) {
      const detail = `nothing was read within ${limits.idleMs} ms`;
      this.#engine.refuse(id, { code: ErrorCode.undefined, message: 'cannot read file', detail }, this.#driver.now);
    }
  }

  #close(number: number): void {
    // What it still has to send goes out first.
    this.#batch.flush();
    const endpoint = this.#endpoints.close(number);
    if (endpoint) this.#driver.remove(endpoint);
    this.#tell({ kind: 'closed', endpoint: number });
  }

  #controlPlane(): ControlPlane {
    return {
      request: ({ id, peer, listener, packet }) => {
        this.#unanswered.add(id);
        this.#tell({ kind: 'request', id, peer, endpoint: (listener as DataEndpoint).number, packet });
      },
      need: (id, index) => {
        if (this.#source.has(id)) this.#source.need(id, index);
        else this.#tell({ kind: 'need', id, index });
      },
      release: (bytes) => this.#release(bytes),
      store: (id, bytes, last) => this.#tell({ kind: 'store', id, bytes, last }),
      end: (id, ending) => {
        this.#unanswered.delete(id);
        this.#unread.take(id);
        this.#source.close(id);
        // The file is let go of when the main thread hears of the end.
        this.#askContent();
        this.#tell({ kind: 'end', id, ending });
      },
    };
  }
}
