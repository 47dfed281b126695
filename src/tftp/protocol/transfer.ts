/**
 * What read and write transfers share: the request, the first reply, what is done on waking, and the end. Without I/O or clock.
 */
import type { Timed } from '../../base/deadlines.ts';
import { addressKey, type PeerKey } from '../../base/peer.ts';
import { INTERNAL } from '../../base/refusal.ts';
import type { Ending, Outcome, Progress } from './ending.ts';
import { ErrorCode, NO_ANSWER, type WireError } from './error.ts';
import { type Flow, NO_FLOW } from './flow.ts';
import { type Agreement, negotiate, type OptionLimits, type Subject } from './options.ts';
import type { ServerEndpoint, ServerRoute } from './outbox.ts';
import { blockOf, decode, encode, Opcode, type Option, opcodeOf } from './packet.ts';
import { advance } from './phases.ts';
import { wireError } from './refusal.ts';
import type { RequestRecord } from './request-record.ts';
import type { TransferHost } from './transfer-host.ts';
import { PHASES, type Phase } from './transfer-phase.ts';
import { Watchdog, type WatchdogLimits, type WatchdogRules } from './watchdog.ts';

/** Bounds of one transfer; fixed when it is answered. */
export interface TransferLimits extends OptionLimits, WatchdogLimits {}

/** A peer that never answered is given up after this, from our answer on. */
const UNPROVEN_MS = 10_000;

/** Of an ERROR's text: clients have room for a plain packet of 516 bytes. */
const MAX_ERROR_CHARACTERS = 500;
/** The budget refills slowly; a transfer that is over budget tries again after this. */
const BUDGET_RETRY_MS = 1_000;

export abstract class Transfer implements Timed {
  readonly request: RequestRecord;
  readonly address: PeerKey;
  #phase: Phase = 'asked';
  queuedAt = Number.POSITIVE_INFINITY;
  /** The peer answered at least once, so it exists and did ask. */
  proven = false;
  provenAt = 0;
  /** Bytes sent before that. */
  spent = 0;
  route: ServerRoute | undefined;
  agreement: Agreement | undefined;
  protected readonly host: TransferHost<Transfer>;
  protected readonly watchdog: Watchdog;
  protected flow: Flow = NO_FLOW;
  /** The OACK, or nothing when the first reply is DATA 1 or ACK 0. */
  protected oack: Uint8Array | undefined;
  /** An unproven peer is given up then. */
  #unprovenUntil = Number.POSITIVE_INFINITY;
  /** Those asked for, until they are negotiated. */
  #options: readonly Option[];
  #firstReplyAt = 0;
  #firstReplies = 0;

  constructor(
    request: RequestRecord,
    options: readonly Option[],
    host: TransferHost<Transfer>,
    answerWithinMs: number,
    rules: WatchdogRules,
  ) {
    this.request = request;
    this.#options = options;
    this.address = addressKey(request.peer);
    this.host = host;
    this.watchdog = new Watchdog(rules, host, request.at);
    this.watchdog.wake('answer', request.at + answerWithinMs);
  }

  get id(): number {
    return this.request.id;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Answered, but the budget of unproven peers does not cover the reply. */
  get overBudget(): boolean {
    return this.#phase === 'over-budget';
  }

  /** The peer may have all that it asked for: it owes us nothing but ACKs. */
  get peerMayBeDone(): boolean {
    return this.flow.peerMayBeDone;
  }

  get deadline(): number {
    return this.watchdog.deadline;
  }

  set deadline(deadline: number) {
    this.watchdog.deadline = deadline;
  }

  /** Sends DATA 1 or ACK 0: the first reply where no option was agreed. */
  protected abstract sendUnnegotiated(now: number): void;
  /** Bytes that {@link sendUnnegotiated} puts on the wire. */
  protected abstract readonly unnegotiatedBytes: number;
  /** Takes a DATA or ACK packet. */
  protected abstract take(opcode: number, block: number, datagram: Uint8Array, now: number): void;
  /** Drops the content, and whatever late packets do not need: a transfer lingers for long. */
  protected abstract release(): void;

  /** Fixes what is agreed and where replies come from. */
  protected agree(subject: Subject, limits: TransferLimits, from: ServerEndpoint, now: number): Agreement {
    const agreement = negotiate(this.#options, subject, limits);
    this.#options = [];
    // From the answer on: the control plane's slowness is not the peer's.
    this.#unprovenUntil = now + UNPROVEN_MS;
    this.agreement = agreement;
    this.route = { outbox: this.host.outbox, from, to: this.request.peer };
    this.watchdog.begin(limits, agreement.timeoutMs);
    if (agreement.acknowledged.length > 0) this.oack = encode({ opcode: Opcode.oack, options: agreement.acknowledged });
    return agreement;
  }

  /** Answered: the first reply may go, once the budget covers it. */
  protected begin(flow: Flow, now: number): void {
    this.flow = flow;
    this.#enter('over-budget');
    this.reply(now);
  }

  /** Sends the first reply, or waits until the budget covers it. Also the answer to a repeated request. */
  reply(now: number): void {
    if (this.#phase !== 'over-budget' && this.#phase !== 'open') return;
    const bytes = this.oack?.length ?? this.unnegotiatedBytes;
    if (!this.host.spend(this, bytes, now)) {
      const giveUpAt = this.#unprovenUntil;
      return this.#wake('unproven', this.overBudget ? Math.min(now + BUDGET_RETRY_MS, giveUpAt) : giveUpAt);
    }
    if (this.overBudget) this.#enter('open');
    this.spent += bytes;
    this.#firstReplyAt = now;
    this.#firstReplies++;
    if (this.oack) this.host.outbox.send(this.route!.from, this.route!.to, this.oack);
    else this.sendUnnegotiated(now);
    this.#wake('unproven', this.#firstReplies > 1 ? this.#unprovenUntil : now + this.watchdog.roundTrip.timeout);
  }

  /** A datagram from the peer, to the endpoint that this transfer happens on. */
  receive(datagram: Uint8Array, now: number): void {
    const opcode = opcodeOf(datagram);
    if (opcode === Opcode.error) return this.#peerError(datagram, now);
    if (this.#phase === 'over-budget' || this.#phase === 'asked') return;
    const block = blockOf(datagram);
    if (block >= 0 && (opcode === Opcode.data || opcode === Opcode.ack)) this.take(opcode, block, datagram, now);
  }

  /** The deadline has passed. Until `graceUntil` no peer is blamed for its silence: only what was held back goes on. */
  expire(now: number, graceUntil = 0): void {
    const { watchdog, flow } = this;
    const reason = watchdog.due(flow, now, graceUntil);
    switch (reason) {
      case undefined:
        return this.host.deadlines.update(this);
      case 'answer':
        return this.end('failed', now, { code: ErrorCode.undefined, message: 'no answer from the server' });
      case 'unproven':
        return this.#expireUnproven(now);
      case 'retransmit':
        watchdog.retry(flow, now);
        return this.awaitPeer(now);
      case 'resume':
        flow.resume(now);
        return this.awaitPeer(now);
      case 'content':
        return this.refuse(wireError(INTERNAL), this.route!.from, now);
      case 'idle':
        if (flow.onlyLastAckMissing) return this.end('completed', now, undefined, true);
        return this.end('failed', now, NO_ANSWER);
      case 'linger':
        return this.host.forget(this);
    }
  }

  /** The server gives up: sends an ERROR and ends. */
  refuse(error: WireError, from: ServerEndpoint, now: number): void {
    if (this.#phase === 'over') return;
    const answered = this.#phase === 'open';
    this.route ??= { outbox: this.host.outbox, from, to: this.request.peer };
    const message = error.message.slice(0, MAX_ERROR_CHARACTERS);
    const datagram = encode({ opcode: Opcode.error, code: error.code, message });
    if (this.proven || this.host.spend(this, datagram.length, now))
      this.host.outbox.send(this.route.from, this.route.to, datagram);
    this.end(answered ? 'failed' : 'refused', now, error);
  }

  /** Sends the peer nothing. */
  end(outcome: Outcome, now: number, error?: Ending['error'], lastAckMissing = false): void {
    if (this.#phase === 'over') return;
    const ending: Ending = {
      outcome,
      bytes: this.flow.bytes,
      durationMs: now - this.request.at,
      agreement: this.agreement,
      rttMs: this.watchdog.roundTrip.smoothed,
      retransmissions: this.flow.repeats,
      lastAckMissing,
      error,
    };
    this.#enter('over');
    this.release();
    this.flow = NO_FLOW;
    this.host.over(this, ending, now);
    this.oack = undefined;
    this.agreement = undefined;
  }

  /** Once it is over: late packets of it are expected until then. */
  linger(until: number): void {
    this.#wake('linger', until);
  }

  progress(): Progress {
    return {
      id: this.id,
      bytes: this.flow.bytes,
      size: this.flow.size,
      retransmissions: this.flow.repeats,
      rttMs: this.watchdog.roundTrip.smoothed,
    };
  }

  /** The peer has shown that it is there. */
  protected prove(now: number): void {
    if (this.proven) return;
    this.proven = true;
    this.provenAt = now;
    if (this.oack && this.#firstReplies === 1) this.watchdog.roundTrip.sample(now - this.#firstReplyAt);
    this.host.proven(this, now);
    this.host.supersede(this, now);
  }

  /** The peer has moved things forward, or it is its turn again. */
  protected progressed(now: number): void {
    this.watchdog.progressAt = now;
    this.awaitPeer(now);
  }

  /** Sets the deadline for the peer's next packet. */
  protected awaitPeer(now: number): void {
    this.watchdog.awaitPeer(this.flow, now);
    this.host.deadlines.update(this);
  }

  #wake(reason: 'unproven' | 'linger', deadline: number): void {
    this.watchdog.wake(reason, deadline);
    this.host.deadlines.update(this);
  }

  #enter(phase: Phase): void {
    this.#phase = advance<Phase>(PHASES, this.#phase, phase);
  }

  #expireUnproven(now: number): void {
    if (now < this.#unprovenUntil) return this.reply(now);
    // curl takes the OACK of an empty file for the whole of it, and goes.
    if (this.flow.size === 0 && this.#firstReplies > 0) return this.end('completed', now, undefined, true);
    this.end('failed', now, NO_ANSWER);
  }

  #peerError(datagram: Uint8Array, now: number): void {
    if (this.#phase === 'over') return;
    const packet = decode(datagram);
    if (packet?.opcode !== Opcode.error) return;
    const { code, message } = packet;
    const sized =
      this.oack !== undefined && !this.proven && (code === ErrorCode.optionNegotiation || code === ErrorCode.undefined);
    if (!this.proven) this.host.proven(this, now);
    // The last block was sent, and the client says goodbye instead of acknowledging it.
    if (this.flow.onlyLastAckMissing && code === ErrorCode.undefined) return this.end('completed', now, { code, message }, true);
    this.end(sized ? 'probed' : 'aborted', now, { code, message });
  }
}
