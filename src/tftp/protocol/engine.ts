/**
 * All transfers of one thread, and every rule about who may have one.
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
import { Budget, type BudgetLimits } from './budget.ts';
import { ErrorCode, type WireError } from './error.ts';
import { considered, type RequestLimits } from './options.ts';
import type { Outbox, ServerEndpoint } from './outbox.ts';
import { decode, Opcode, opcodeOf, type RequestPacket } from './packet.ts';
import { type ReadAnswer, ReadTransfer } from './read-transfer.ts';
import { StrangerLimit, UNKNOWN_TRANSFER } from './strangers.ts';
import type { Asked, Ending, Progress, Transfer, TransferHost } from './transfer.ts';
import { type WriteAnswer, WriteTransfer } from './write-transfer.ts';

/** Bounds of the engine as a whole. */
export interface EngineLimits extends BudgetLimits, RequestLimits {
  /** Transfers at one time, those included that have ended and are not {@link Engine.settled}. */
  readonly transfers: number;
  /** Transfers at one time for one address; beyond that its oldest one whose peer has never answered is given up. */
  readonly transfersPerClient: number;
  /** Transfers whose peer has never answered; beyond that the oldest of them is given up. */
  readonly unproven: number;
  /** Replies held back until the budget of unproven peers covers them; beyond that the oldest is given up. */
  readonly waiting: number;
}

/** A request that wants an answer: `answer` or `refuse`, once. */
export interface IncomingRequest {
  readonly id: number;
  readonly peer: PeerKey;
  readonly listener: ServerEndpoint;
  readonly packet: RequestPacket;
}

/** Why a datagram came to nothing. */
export type DropReason =
  | 'malformed'
  | 'not-listening'
  | 'unknown-transfer'
  | 'too-many-transfers'
  | 'too-many-transfers-of-address';

/** Counts what needs no decision. Called for each datagram of a flood, within the engine's calls: it must be cheap. */
export interface Counters {
  add(name: 'requests.repeated' | 'budget.held' | 'budget.refused'): void;
  observe(name: 'answer-seconds', seconds: number): void;
  drop(reason: DropReason, peer: PeerKey): void;
}

/** Whom an engine tells. Calls may not call back into the engine synchronously. */
export interface ControlPlane {
  request(request: IncomingRequest): void;
  /** The content's segment `index` is wanted: `supply` it. */
  need(id: number, index: number): void;
  /** Told once for each segment that `answer` or `supply` has brought, when it is not held any more: its memory may be used again. */
  released?(bytes: Uint8Array): void;
  /** Received bytes, in order: report them by `written`. `last` comes exactly once. */
  store(id: number, bytes: Uint8Array, last: boolean): void;
  /** Told once for every request: report it by `settled` when nothing of it is left. */
  end(id: number, ending: Ending): void;
}

/** No request in the wild is longer: RFC 2347 allows 512 bytes. */
const MAX_REQUEST_BYTES = 2048;
/** The same request from the same peer is a repetition for so long, however far the first one has come: some ROMs send four. */
const REPEAT_MS = 1_000;
/** The control plane has its own, shorter limits; this one only bounds a mistake. */
const ANSWER_MS = 300_000;
/** Ended transfers are remembered for late packets this long, and so many of them. */
const LINGER_MS = 10_000;
/** Longer if the client repeats itself slowly (its `timeout`), but no longer than this. */
const MAX_LINGER_MS = 30_000;
const MAX_LINGERING = 4096;
/**
 * Content that is held for peers that have never answered. Beyond that the transfer that has held its part longest lets go of it, and
 * asks for it again when its peer has answered: forged requests must not buy memory.
 */
const UNPROVEN_CONTENT_BYTES = 4 * 1024 ** 2;
export class Engine {
  #limits: EngineLimits;
  readonly #control: ControlPlane;
  readonly #counters: Counters;
  readonly #budget: Budget;
  readonly #host: TransferHost;
  readonly #deadlines = new Deadlines<Transfer>();
  /** Every transfer by number, lingering ones left out. */
  readonly #transfers = new Map<number, Transfer>();
  /** Requests that the control plane has still to do with: a flood can be given up faster than it is worked off. */
  readonly #unsettled = new Set<number>();
  /** Every transfer by peer, lingering ones too. */
  readonly #byPeer = new Map<PeerKey, Transfer[]>();
  readonly #perAddress = new Map<PeerKey, number>();
  /** Oldest first. */
  readonly #unproven = new Set<Transfer>();
  /** Bytes of content held by unproven transfers that can ask for them again; the oldest first. */
  readonly #content = new Map<Transfer, number>();
  #contentBytes = 0;
  readonly #held = new Map<PeerKey, Set<Transfer>>();
  #heldCount = 0;
  readonly #lingering = new Set<Transfer>();
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
    this.#budget = new Budget(limits);
    this.#nextId = firstId;
    this.#host = {
      outbox,
      deadlines: this.#deadlines,
      random,
      need: (transfer, index) => control.need(transfer.id, index),
      released: (bytes) => control.released?.(bytes),
      store: (transfer, bytes, last) => control.store(transfer.id, bytes, last),
      spend: (transfer, bytes, now) => this.#spend(transfer, bytes, now),
      proven: (transfer, now) => this.#proven(transfer, now),
      supersede: (transfer, now) => this.#supersede(transfer, now),
      over: (transfer, ending, now) => this.#over(transfer, ending, now),
      forget: (transfer) => this.#forget(transfer),
    };
  }

  /** Bounds for requests to come; transfers keep what they were answered with. */
  set limits(limits: EngineLimits) {
    this.#limits = limits;
    this.#budget.limits = limits;
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
    const transfers = this.#byPeer.get(peer);
    if (transfers !== undefined) {
      for (let i = 0; i < transfers.length; i++) {
        const transfer = transfers[i]!;
        if (transfer.route?.from === endpoint) return transfer.receive(datagram, now);
        // Single-port mode: what is late of an older transfer must not earn an ERROR while the new request waits for its answer.
        if (transfer.route === undefined && transfer.asked.listener === endpoint) return;
      }
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
      if (answer.again) this.#holdContent(transfer, answer.first.length);
    } else if (answer.kind === 'write' && transfer instanceof WriteTransfer) transfer.answer(answer, from, now);
    else throw new TypeError(`a ${answer.kind} answer does not fit request ${id}`);
    if (transfer.held) this.#hold(transfer, now);
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
    else this.#control.released?.(bytes);
  }

  /** A request that has ended is forgotten by the control plane, too: until then it counts as a transfer. */
  settled(id: number): void {
    this.#unsettled.delete(id);
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
    this.#budget.earn(addressKey(peer), datagram.length, now);
    const repeated = this.#repeated(listener, peer, datagram, now);
    if (repeated) {
      this.#counters.add('requests.repeated');
      if (!repeated.proven) repeated.reply(now);
      return;
    }
    if (isSinglePort(listener)) this.#replace(listener, peer, now);
    const address = addressKey(peer);
    if (this.#unsettled.size >= this.#limits.transfers) return this.#counters.drop('too-many-transfers', peer);
    // More than one where a reload has lowered the limit.
    while ((this.#perAddress.get(address) ?? 0) >= this.#limits.transfersPerClient) {
      const unproven = this.#unprovenOf(address);
      if (!unproven) return this.#counters.drop('too-many-transfers-of-address', peer);
      this.#giveUp(unproven, now);
    }
    const request = { ...packet, options: considered(packet.options, this.#limits) };
    this.#begin({ id: this.#nextId++, peer, listener, datagram: datagram.slice(), at: now }, request, now);
  }

  #begin(asked: Asked, request: RequestPacket, now: number): void {
    const Kind = request.opcode === Opcode.rrq ? ReadTransfer : WriteTransfer;
    const transfer = new Kind(asked, request.options, this.#host, ANSWER_MS);
    this.#transfers.set(asked.id, transfer);
    this.#unsettled.add(asked.id);
    const siblings = this.#byPeer.get(asked.peer);
    if (siblings) siblings.push(transfer);
    else this.#byPeer.set(asked.peer, [transfer]);
    this.#perAddress.set(transfer.address, (this.#perAddress.get(transfer.address) ?? 0) + 1);
    this.#unproven.add(transfer);
    if (this.#unproven.size > this.#limits.unproven) this.#giveUpOldest(this.#unproven, now);
    this.#deadlines.update(transfer);
    this.#control.request({ id: asked.id, peer: asked.peer, listener: asked.listener, packet: request });
  }

  /**
   * The transfer that this very request has begun already. Not one whose peer may have all of it: its last ACK may wait in another
   * socket while the peer, which uses one port for everything, asks for the same file again.
   */
  #repeated(listener: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): Transfer | undefined {
    return this.#byPeer.get(peer)?.find((transfer) => {
      const { asked, proven, provenAt, phase } = transfer;
      if (phase === 'over' || asked.listener !== listener || !equal(asked.datagram, datagram)) return false;
      if (!proven) return true;
      return now - provenAt < REPEAT_MS && (isSinglePort(listener) || !transfer.peerMayBeDone);
    });
  }

  /** Single-port mode: the peer's new request takes the place of what it had before. */
  #replace(listener: ServerEndpoint, peer: PeerKey, now: number): void {
    for (const transfer of [...(this.#byPeer.get(peer) ?? [])]) {
      if (transfer.asked.listener !== listener) continue;
      if (transfer.phase !== 'over') transfer.end('aborted', now, REPLACED);
      this.#forget(transfer);
    }
  }

  /**
   * An endpoint that the peer has no other transfer on, else the one of a transfer that has ended, or that will be missed least.
   * Which of those is chosen by chance: a forged ACK must hit the one.
   */
  #endpointFor(transfer: Transfer, now: number): ServerEndpoint {
    const { peer, id } = transfer.asked;
    const { replies } = transfer.asked.listener;
    const siblings = (this.#byPeer.get(peer) ?? []).filter(({ route }) => route !== undefined && replies.includes(route.from));
    const start = id + Math.floor(this.#host.random() * replies.length);
    for (let i = 0; i < replies.length; i++) {
      const candidate = replies[(start + i) % replies.length]!;
      if (!siblings.some(({ route }) => route?.from === candidate)) return candidate;
    }
    // Forged requests of one peer must not crowd out the transfer that it has proved.
    const oldest = siblings.find(({ phase }) => phase === 'over') ?? siblings.find(({ proven }) => !proven) ?? siblings[0]!;
    if (oldest.phase !== 'over') oldest.end('aborted', now, REPLACED);
    this.#forget(oldest);
    return oldest.route!.from;
  }

  #holdContent(transfer: ReadTransfer, bytes: number): void {
    this.#content.set(transfer, bytes);
    this.#contentBytes += bytes;
    for (const [oldest] of this.#content) {
      if (this.#contentBytes <= UNPROVEN_CONTENT_BYTES) break;
      this.#letGoOfContent(oldest);
      (oldest as ReadTransfer).shed();
    }
  }

  /** Its content is not counted any more. */
  #letGoOfContent(transfer: Transfer): void {
    this.#contentBytes -= this.#content.get(transfer) ?? 0;
    this.#content.delete(transfer);
  }

  #spend(transfer: Transfer, bytes: number, now: number): boolean {
    if (transfer.proven) return true;
    if (!this.#budget.spend(transfer.address, bytes, now)) {
      if (!transfer.held) this.#counters.add('budget.refused');
      return false;
    }
    if (transfer.spent === 0) this.#counters.observe('answer-seconds', (now - transfer.asked.at) / 1000);
    if (transfer.held) this.#unhold(transfer);
    return true;
  }

  #hold(transfer: Transfer, now: number): void {
    this.#counters.add('budget.held');
    const waiting = this.#held.get(transfer.address);
    if (waiting) waiting.add(transfer);
    else this.#held.set(transfer.address, new Set([transfer]));
    if (++this.#heldCount > this.#limits.waiting) this.#giveUpOldest(this.#held.values().next().value!, now);
  }

  #unhold(transfer: Transfer): void {
    const waiting = this.#held.get(transfer.address);
    if (!waiting?.delete(transfer)) return;
    this.#heldCount--;
    if (waiting.size === 0) this.#held.delete(transfer.address);
  }

  /** The oldest, which may be forged: the address itself must get in. */
  #unprovenOf(address: PeerKey): Transfer | undefined {
    for (const transfer of this.#unproven) if (transfer.address === address) return transfer;
    return undefined;
  }

  #giveUpOldest(transfers: ReadonlySet<Transfer>, now: number): void {
    const [oldest] = transfers;
    if (oldest) this.#giveUp(oldest, now);
  }

  #giveUp(transfer: Transfer, now: number): void {
    transfer.end('failed', now, { code: ErrorCode.undefined, message: 'too many peers that never answered' });
  }

  /** The peer exists: what was spent on it comes back, and those that waited for it may go. */
  #proven(transfer: Transfer, now: number): void {
    this.#unproven.delete(transfer);
    this.#letGoOfContent(transfer);
    this.#budget.refund(transfer.address, transfer.spent, now);
    transfer.spent = 0;
    for (const waiting of [...(this.#held.get(transfer.address) ?? [])]) {
      waiting.reply(now);
      if (waiting.held) break;
    }
  }

  /** ROMs reuse their port; but only the peer's own answer may end a transfer, a forged request must not. */
  #supersede(transfer: Transfer, now: number): void {
    for (const sibling of [...(this.#byPeer.get(transfer.asked.peer) ?? [])]) {
      const older = sibling.id < transfer.id && sibling.asked.listener === transfer.asked.listener;
      if (older && sibling.phase !== 'over') sibling.end('aborted', now, REPLACED);
    }
  }

  #over(transfer: Transfer, ending: Ending, now: number): void {
    this.#unproven.delete(transfer);
    this.#letGoOfContent(transfer);
    this.#unhold(transfer);
    this.#transfers.delete(transfer.id);
    const count = (this.#perAddress.get(transfer.address) ?? 0) - 1;
    if (count > 0) this.#perAddress.set(transfer.address, count);
    else this.#perAddress.delete(transfer.address);
    if (transfer.route) this.#linger(transfer, now);
    else this.#forget(transfer);
    this.#control.end(transfer.id, ending);
  }

  #linger(transfer: Transfer, now: number): void {
    this.#lingering.add(transfer);
    const clientTimeoutMs = transfer.agreement?.timeoutMs ?? 0;
    transfer.linger(now + Math.max(LINGER_MS, Math.min(2 * clientTimeoutMs, MAX_LINGER_MS)));
    if (this.#lingering.size > MAX_LINGERING) this.#forget(this.#lingering.values().next().value!);
  }

  #forget(transfer: Transfer): void {
    this.#lingering.delete(transfer);
    this.#deadlines.remove(transfer);
    const { peer } = transfer.asked;
    const rest = this.#byPeer.get(peer)?.filter((other) => other !== transfer);
    if (rest && rest.length > 0) this.#byPeer.set(peer, rest);
    else this.#byPeer.delete(peer);
  }

  /** RFC 1350 §4: a stranger on a transfer's port gets ERROR 5, and disturbs nobody. */
  #stranger(endpoint: ServerEndpoint, peer: PeerKey, datagram: Uint8Array, now: number): void {
    this.#counters.drop('unknown-transfer', peer);
    if (endpoint.accepts && !isSinglePort(endpoint)) return;
    if (!this.#strangers.admits(now)) return;
    const address = addressKey(peer);
    this.#budget.earn(address, datagram.length, now);
    if (this.#budget.spend(address, UNKNOWN_TRANSFER.length, now)) this.#host.outbox.send(endpoint, peer, UNKNOWN_TRANSFER);
  }
}

const REPLACED = { code: ErrorCode.undefined, message: 'the client asked for something else' };

/** Replies leave from the port that requests come to. */
function isSinglePort(listener: ServerEndpoint): boolean {
  return listener.replies[0] === listener;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
