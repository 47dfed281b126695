/**
 * All transfers of one thread, and every rule about which client may have one.
 *
 * The engine does no I/O and knows no clock: datagrams and `now` come in, datagrams go to an {@link Outbox}, and what needs a
 * decision goes to a {@link ControlPlane}, which answers when it likes. The engine may not look at names or files, and
 * nothing of the control plane may happen inside one of its calls.
 *
 * A transfer happens between a peer and one of the endpoints that its listening endpoint replies from. Two transfers of one
 * peer never share an endpoint, nor does one that has just ended (it lingers), so a late packet never passes for another's.
 */

import { Deadlines } from '../../base/deadlines.ts';
import { addressKey, type PeerKey } from '../../base/peer.ts';
import type { Counters } from './counters.ts';
import type { Ending, Progress } from './ending.ts';
import { ErrorCode, type WireError } from './error.ts';
import { Lingering } from './lingering.ts';
import { type RequestLimits, withinLimits } from './options.ts';
import { isSinglePort, type Outbox, type ServerEndpoint } from './outbox.ts';
import { decode, Opcode, opcodeOf, type RequestPacket } from './packet.ts';
import { Peers } from './peers.ts';
import { type ReadAnswer, ReadTransfer } from './read-transfer.ts';
import type { RequestRecord } from './request-record.ts';
import { StrangerLimit, UNKNOWN_TRANSFER } from './strangers.ts';
import type { Transfer } from './transfer.ts';
import type { TransferHost } from './transfer-host.ts';
import { Unproven, type UnprovenLimits } from './unproven.ts';
import { type WriteAnswer, WriteTransfer } from './write-transfer.ts';

/** Bounds of the engine as a whole. */
export interface EngineLimits extends UnprovenLimits, RequestLimits {
  /** Transfers at one time, those included that have ended and are not {@link Engine.finished}. */
  readonly transfers: number;
  /** Transfers at one time for one address; beyond that its oldest one whose peer has never answered is given up. */
  readonly transfersPerClient: number;
}

/** A request that wants an answer: `answer` or `refuse`, once. */
export interface IncomingRequest {
  readonly id: number;
  readonly peer: PeerKey;
  readonly listener: ServerEndpoint;
  readonly packet: RequestPacket;
}

/** What decides on requests and has their bytes. Its methods may not call back into the engine synchronously. */
export interface ControlPlane {
  request(request: IncomingRequest): void;
  /** The content's segment `index` is wanted: `supply` it. */
  need(id: number, index: number): void;
  /** Called once for each segment that `answer` or `supply` has brought, when it is no longer buffered: its memory may be used again. */
  release?(bytes: Uint8Array): void;
  /** Received bytes, in order: report them by `written`. `last` comes exactly once. */
  store(id: number, bytes: Uint8Array, last: boolean): void;
  /** Called once for every request: report it by `finished` when nothing of it is left. */
  end(id: number, ending: Ending): void;
}

/** No request in the wild is longer: RFC 2347 allows 512 bytes. */
const MAX_REQUEST_BYTES = 2048;
/** The control plane has its own, shorter limits; this one only bounds a mistake. */
const ANSWER_MS = 300_000;

export class Engine {
  #limits: EngineLimits;
  readonly #control: ControlPlane;
  readonly #counters: Counters;
  readonly #host: TransferHost<Transfer>;
  readonly #deadlines = new Deadlines<Transfer>();
  /** Every transfer by number, lingering ones left out. */
  readonly #transfers = new Map<number, Transfer>();
  /** Requests the control plane has not finished with. The Engine can drop a flood faster than the control plane can work it off. */
  readonly #unfinished = new Set<number>();
  readonly #peers = new Peers();
  readonly #unproven: Unproven;
  readonly #lingering = new Lingering();
  #nextId: number;
  readonly #strangers = new StrangerLimit();

  /**
   * @param random uniform in [0, 1), and unpredictable: it chooses the endpoint of a transfer
   * @param firstId number of the first request; counts up from there
   */
  constructor(
    outbox: Outbox,
    control: ControlPlane,
    counters: Counters,
    limits: EngineLimits,
    random: () => number,
    firstId = 1,
  ) {
    this.#control = control;
    this.#counters = counters;
    this.#limits = limits;
    this.#unproven = new Unproven(limits, counters);
    this.#nextId = firstId;
    this.#host = {
      outbox,
      deadlines: this.#deadlines,
      random,
      need: (transfer, index) => control.need(transfer.id, index),
      release: (bytes) => control.release?.(bytes),
      store: (transfer, bytes, last) => control.store(transfer.id, bytes, last),
      spend: (transfer, bytes, now) => this.#unproven.spend(transfer, bytes, now),
      proven: (transfer, now) => this.#unproven.proven(transfer, now),
      supersede: (transfer, now) => this.#supersede(transfer, now),
      over: (transfer, ending, now) => this.#over(transfer, ending, now),
      forget: (transfer) => this.#forget(transfer),
    };
  }

  /** Bounds for requests to come; transfers keep what they were answered with. */
  set limits(limits: EngineLimits) {
    this.#limits = limits;
    this.#unproven.limits = limits;
  }

  /** Transfers that have not ended. */
  get size(): number {
    return this.#transfers.size;
  }

  /** When `expire` is due, on the engine's clock; `Infinity` if nothing waits. */
  get nextDeadline(): number {
    return this.#deadlines.next;
  }

  /** How far each transfer has come. */
  progress(): Progress[] {
    return Array.from(this.#transfers.values(), (transfer) => transfer.progress());
  }

  /** Takes a datagram that `peer` sent to `endpoint`. The bytes are not kept. */
  receive(endpoint: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): void {
    const opcode = opcodeOf(datagram);
    if (opcode === Opcode.rrq || opcode === Opcode.wrq) {
      if (!endpoint.accepts) return this.#counters.drop('not-listening', peer);
      return this.#request(endpoint, peer, datagram, now);
    }
    const transfers = this.#peers.of(peer);
    for (let i = 0; i < transfers.length; i++) {
      const transfer = transfers[i]!;
      if (transfer.route?.from === endpoint) return transfer.receive(datagram, now);
      // Single-port mode: what is late of an older transfer must not earn an ERROR while the new request waits for its answer.
      if (transfer.route === undefined && transfer.request.listener === endpoint) return;
    }
    if (opcode === Opcode.data || opcode === Opcode.ack) this.#stranger(endpoint, peer, datagram, now);
    else this.#counters.drop(opcode === Opcode.error ? 'unknown-transfer' : 'malformed', peer);
  }

  /**
   * Lets time pass: call it at {@link nextDeadline}, after every datagram that had come by then was received.
   * @param graceUntil until then no peer is blamed for its silence
   */
  expire(now: number, graceUntil = 0): void {
    for (let transfer = this.#deadlines.due(now); transfer; transfer = this.#deadlines.due(now)) {
      transfer.expire(now, graceUntil);
    }
  }

  /** Answers a request. `false` if it is no longer there: its content is the caller's to close. */
  answer(id: number, answer: ReadAnswer | WriteAnswer, now: number): boolean {
    const transfer = this.#transfers.get(id);
    if (transfer?.phase !== 'asked') return false;
    const from = this.#endpointFor(transfer, now);
    if (answer.kind === 'read' && transfer instanceof ReadTransfer) {
      transfer.answer(answer, from, now);
      if (answer.again) this.#unproven.keepContent(transfer, answer.first.length);
    } else if (answer.kind === 'write' && transfer instanceof WriteTransfer) transfer.answer(answer, from, now);
    else throw new TypeError(`a ${answer.kind} answer does not fit request ${id}`);
    if (transfer.overBudget) this.#giveUp(this.#unproven.wait(transfer), now);
    return true;
  }

  /** Ends a transfer, answered or not, with an ERROR to the peer. */
  refuse(id: number, error: WireError, now: number): void {
    const transfer = this.#transfers.get(id);
    if (transfer) transfer.refuse(error, transfer.route?.from ?? this.#endpointFor(transfer, now), now);
  }

  /** The segment that `need` asked for; `last` if the content ends with it. */
  supply(id: number, index: number, bytes: Uint8Array, last: boolean, now: number): void {
    const transfer = this.#transfers.get(id);
    if (transfer instanceof ReadTransfer) transfer.supply(index, bytes, last, now);
    else this.#control.release?.(bytes);
  }

  /** A request that has ended is forgotten by the control plane, too: until then it counts as a transfer. */
  finished(id: number): void {
    this.#unfinished.delete(id);
  }

  /** So many bytes that `store` handed out are written; `stored`: all, for good. */
  written(id: number, bytes: number, stored: boolean, now: number): void {
    const transfer = this.#transfers.get(id);
    if (transfer instanceof WriteTransfer) transfer.written(bytes, stored, now);
  }

  /** Ends everything that the endpoints of this listener have under way, with an ERROR to each peer. */
  refuseAll(error: WireError, now: number): void {
    for (const id of [...this.#transfers.keys()]) this.refuse(id, error, now);
  }

  #request(listener: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): void {
    const packet = datagram.length <= MAX_REQUEST_BYTES ? decode(datagram) : undefined;
    if (packet?.opcode !== Opcode.rrq && packet?.opcode !== Opcode.wrq) return this.#counters.drop('malformed', peer);
    this.#unproven.earn(peer, datagram.length, now);
    const repeated = this.#peers.repeated(listener, peer, datagram, now);
    if (repeated) {
      this.#counters.add('requests.repeated');
      if (!repeated.proven) repeated.reply(now);
      return;
    }
    if (isSinglePort(listener)) this.#replace(listener, peer, now);
    const address = addressKey(peer);
    if (this.#unfinished.size >= this.#limits.transfers) return this.#counters.drop('too-many-transfers', peer);
    // More than one where a reload has lowered the limit.
    while (this.#peers.runningOf(address) >= this.#limits.transfersPerClient) {
      const unproven = this.#unproven.oldestOf(address);
      if (!unproven) return this.#counters.drop('too-many-transfers-of-address', peer);
      this.#giveUp(unproven, now);
    }
    const request = { ...packet, options: withinLimits(packet.options, this.#limits) };
    this.#begin({ id: this.#nextId++, peer, listener, datagram: datagram.slice(), at: now }, request, now);
  }

  #begin(record: RequestRecord, packet: RequestPacket, now: number): void {
    const Kind = packet.opcode === Opcode.rrq ? ReadTransfer : WriteTransfer;
    const transfer = new Kind(record, packet.options, this.#host, ANSWER_MS);
    this.#transfers.set(record.id, transfer);
    this.#unfinished.add(record.id);
    this.#peers.add(transfer);
    this.#giveUp(this.#unproven.add(transfer), now);
    this.#deadlines.update(transfer);
    this.#control.request({ id: record.id, peer: record.peer, listener: record.listener, packet });
  }

  /** Single-port mode: the peer's new request takes the place of what it had before. */
  #replace(listener: ServerEndpoint, peer: PeerKey, now: number): void {
    for (const transfer of [...this.#peers.of(peer)]) {
      if (transfer.request.listener !== listener) continue;
      if (transfer.phase !== 'over') transfer.end('aborted', now, REPLACED);
      this.#forget(transfer);
    }
  }

  /** Where to answer this transfer from. */
  #endpointFor(transfer: Transfer, now: number): ServerEndpoint {
    const free = this.#peers.freeEndpoint(transfer, this.#host.random());
    if (free) return free;
    const leastMissed = this.#peers.leastMissed(transfer);
    if (leastMissed.phase !== 'over') leastMissed.end('aborted', now, REPLACED);
    this.#forget(leastMissed);
    return leastMissed.route!.from;
  }

  #giveUp(transfer: Transfer | undefined, now: number): void {
    transfer?.end('failed', now, { code: ErrorCode.undefined, message: 'too many peers that never answered' });
  }

  /** ROMs reuse their port; but only the peer's own answer may end a transfer, a forged request must not. */
  #supersede(transfer: Transfer, now: number): void {
    for (const sibling of [...this.#peers.of(transfer.request.peer)]) {
      const older = sibling.id < transfer.id && sibling.request.listener === transfer.request.listener;
      if (older && sibling.phase !== 'over') sibling.end('aborted', now, REPLACED);
    }
  }

  #over(transfer: Transfer, ending: Ending, now: number): void {
    this.#unproven.remove(transfer);
    this.#transfers.delete(transfer.id);
    this.#peers.ended(transfer);
    const forgotten = transfer.route ? this.#lingering.add(transfer, now) : transfer;
    if (forgotten) this.#forget(forgotten);
    this.#control.end(transfer.id, ending);
  }

  #forget(transfer: Transfer): void {
    this.#lingering.remove(transfer);
    this.#deadlines.remove(transfer);
    this.#peers.remove(transfer);
  }

  /** RFC 1350 §4: a stranger on a transfer's port gets ERROR 5, and the transfer goes on. */
  #stranger(endpoint: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): void {
    this.#counters.drop('unknown-transfer', peer);
    if (endpoint.accepts && !isSinglePort(endpoint)) return;
    if (!this.#strangers.admits(now)) return;
    this.#unproven.earn(peer, datagram.length, now);
    if (!this.#unproven.spendOnStranger(peer, UNKNOWN_TRANSFER.length, now)) return;
    this.#host.outbox.send(endpoint, peer, UNKNOWN_TRANSFER);
  }
}

const REPLACED = { code: ErrorCode.undefined, message: 'the client asked for something else' };
