/**
 * What read and write transfers have in common: who asked for what, the first reply, deadlines, and how it all ended.
 *
 * A transfer is a state machine without I/O or clock. It lives in the phases
 *
 *     asked ──▶ (held) ──▶ open ──▶ over
 *
 * `asked`: the control plane has not answered yet. `held`: answered, but the budget of unproven peers does not cover the
 * reply. `open`: bytes flow. `over`: reported as ended; it lingers for a while so that late packets find whom they belong to.
 */
import type { Deadlines, Timed } from '../../base/deadlines.ts';
import { addressKey, type PeerKey } from '../../base/peer.ts';
import { INTERNAL } from '../../base/refusal.ts';
import { ErrorCode, NO_ANSWER, type WireError } from './error.ts';
import { type Agreement, negotiate, type OptionLimits, type Subject } from './options.ts';
import type { Outbox, ServerEndpoint, ServerRoute } from './outbox.ts';
import { blockOf, decode, encode, Opcode, type Option, opcodeOf } from './packet.ts';
import { wireError } from './refusal.ts';
import { RoundTrip } from './rtt.ts';

/** Bounds of one transfer; fixed when it is answered. Times in milliseconds. */
export interface TransferLimits extends OptionLimits {
  /** Retransmissions without progress; after them it only waits. */
  readonly retries: number;
  /** Without progress for so long, it fails. */
  readonly idleMs: number;
  /** Bounds of the retransmission time-out; a negotiated `timeout` takes the place of the upper one. */
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** `probed`: the client wanted the size only. See `Outcome` of the plugin interface. */
export type Outcome = 'completed' | 'probed' | 'aborted' | 'refused' | 'failed';

/** How a transfer ended, as the protocol knows it. */
export interface Ending {
  readonly outcome: Outcome;
  /** Content bytes acknowledged, or received. */
  readonly bytes: number;
  readonly durationMs: number;
  readonly agreement: Agreement | undefined;
  readonly rttMs: number | undefined;
  readonly retransmissions: number;
  readonly lastAckMissing: boolean;
  readonly error: WireError | undefined;
}

/** How far a transfer has come. */
export interface Progress {
  readonly id: number;
  readonly bytes: number;
  readonly size: number | undefined;
  readonly retransmissions: number;
  readonly rttMs: number | undefined;
}

/** What a transfer asks of the engine it belongs to. */
export interface TransferHost {
  readonly outbox: Outbox;
  readonly deadlines: Deadlines<Transfer>;
  /** Uniform in [0, 1). */
  random(): number;
  /** The content's segment `index` is wanted. */
  need(transfer: Transfer, index: number): void;
  /** Bytes that were supplied are not held any more. */
  released(bytes: Uint8Array): void;
  /** Received bytes; `last` exactly once. */
  store(transfer: Transfer, bytes: Uint8Array, last: boolean): void;
  /** Pays for a reply to an unproven peer; `false`: not covered, do not send. */
  spend(transfer: Transfer, bytes: number, now: number): boolean;
  /** The peer has answered, so it exists. */
  proven(transfer: Transfer, now: number): void;
  /** The peer goes on with this transfer, so it has abandoned what it asked for before from the same port. */
  supersede(transfer: Transfer, now: number): void;
  /** The transfer has ended. */
  over(transfer: Transfer, ending: Ending, now: number): void;
}

/** A peer that never answered is given up after this, from our answer on. */
const UNPROVEN_MS = 10_000;
/** The last ACK is waited for no longer than this; firmware that runs what it has loaded often owes it. */
const LAST_ACK_MS = 5_000;

/** Contents and sinks of plugins have a shorter limit, `idleMs`; this one bounds a disk, or a file server, that hangs. */
const CONTENT_MS = 300_000;

/** Of an ERROR's text: clients have room for a plain packet of 516 bytes. */
const MAX_ERROR_CHARACTERS = 500;
/** The budget refills slowly; what is held looks again after this. */
const HELD_RETRY_MS = 1_000;

/** Who asked for what, and where. */
export interface Asked {
  readonly id: number;
  readonly peer: PeerKey;
  readonly listener: ServerEndpoint;
  /** The request, byte by byte: equal bytes from the same peer are the same request, sent again. */
  readonly datagram: Uint8Array;
  readonly at: number;
}

export abstract class Transfer implements Timed {
  readonly asked: Asked;
  readonly address: PeerKey;
  phase: 'asked' | 'held' | 'open' | 'over' = 'asked';
  deadline: number;
  queuedAt = Number.POSITIVE_INFINITY;
  /** The peer answered at least once, so it exists and did ask. */
  proven = false;
  provenAt = 0;
  /** Bytes sent before that. */
  spent = 0;
  route: ServerRoute | undefined;
  agreement: Agreement | undefined;
  protected readonly host: TransferHost;
  protected limits!: TransferLimits;
  protected roundTrip!: RoundTrip;
  /** When the peer last moved things forward. */
  protected progressAt: number;
  /** The OACK, or nothing when the first reply is DATA 1 or ACK 0. */
  protected oack: Uint8Array | undefined;
  /** What the content or the sink owes us must have come by then. */
  #contentDueAt = Number.POSITIVE_INFINITY;
  /** An unproven peer is given up then. */
  #unprovenUntil = Number.POSITIVE_INFINITY;
  /** Those asked for, until they are negotiated. */
  #options: readonly Option[];
  #firstReplyAt = 0;
  #firstReplies = 0;

  constructor(asked: Asked, options: readonly Option[], host: TransferHost, answerWithinMs: number) {
    this.asked = asked;
    this.#options = options;
    this.address = addressKey(asked.peer);
    this.host = host;
    this.progressAt = asked.at;
    this.deadline = asked.at + answerWithinMs;
  }

  /** Answered, but the budget of unproven peers does not cover the reply. */
  get held(): boolean {
    return this.phase === 'held';
  }

  get id(): number {
    return this.asked.id;
  }

  protected abstract readonly bytes: number;
  protected abstract readonly size: number | undefined;
  protected abstract readonly retransmissions: number;

  /** Sends DATA 1 or ACK 0: the first reply where no option was agreed. */
  protected abstract sendUnnegotiated(now: number): void;
  /** Bytes that {@link sendUnnegotiated} puts on the wire. */
  protected abstract readonly unnegotiatedBytes: number;
  /** Takes a DATA or ACK packet. */
  protected abstract take(opcode: number, block: number, datagram: Uint8Array, now: number): void;
  /** Sends again what the peer has not answered. */
  protected abstract retry(now: number): void;
  /** Retries since the last progress. */
  protected abstract readonly attempts: number;
  /** The timer of retries is never shorter. */
  protected get leastWaitMs(): number {
    return 0;
  }

  /** When `resume` is due: the rest of a window was held back. `Infinity` if nothing was. */
  protected abstract readonly resumeAt: number;
  protected abstract resume(now: number): void;
  /** Nobody waits for the peer: the content, or the sink, has its time. */
  protected abstract readonly waitsForUs: boolean;
  /** Nothing is missing but the peer's last ACK. */
  protected abstract readonly onlyLastAckMissing: boolean;
  /** The peer may have all that it asked for: it owes us nothing but ACKs. */
  abstract readonly peerMayBeDone: boolean;
  /** Drops what it holds of the content, and all that it does not need for late packets: it lingers for long. */
  protected abstract release(): void;

  /** Fixes what is agreed and where replies come from; `reply` then sends. */
  protected settle(subject: Subject, limits: TransferLimits, from: ServerEndpoint, now: number): Agreement {
    const agreement = negotiate(this.#options, subject, limits);
    this.#options = [];
    this.limits = limits;
    // From the answer on: the control plane's slowness is not the peer's.
    this.#unprovenUntil = now + UNPROVEN_MS;
    this.agreement = agreement;
    this.route = { outbox: this.host.outbox, from, to: this.asked.peer };
    this.roundTrip = new RoundTrip(limits.minTimeoutMs, agreement.timeoutMs ?? limits.maxTimeoutMs);
    if (agreement.acknowledged.length > 0) this.oack = encode({ opcode: Opcode.oack, options: agreement.acknowledged });
    return agreement;
  }

  /** Sends the first reply, or is held until the budget covers it. Also the answer to a request that comes once more. */
  reply(now: number): void {
    if (this.phase !== 'held' && this.phase !== 'open') return;
    const bytes = this.oack?.length ?? this.unnegotiatedBytes;
    if (!this.host.spend(this, bytes, now)) {
      const giveUp = this.#unprovenUntil;
      return this.setDeadline(this.phase === 'held' ? Math.min(now + HELD_RETRY_MS, giveUp) : giveUp);
    }
    this.phase = 'open';
    this.spent += bytes;
    this.#firstReplyAt = now;
    this.#firstReplies++;
    if (this.oack) this.host.outbox.send(this.route!.from, this.route!.to, this.oack);
    else this.sendUnnegotiated(now);
    this.setDeadline(this.#firstReplies > 1 ? this.#unprovenUntil : now + this.roundTrip.timeout);
  }

  /** A datagram from the peer, to the endpoint that this transfer happens on. */
  receive(datagram: Uint8Array, now: number): void {
    const opcode = opcodeOf(datagram);
    if (opcode === Opcode.error) return this.#peerError(datagram, now);
    if (this.phase === 'held' || this.phase === 'asked') return;
    const block = blockOf(datagram);
    if (block >= 0 && (opcode === Opcode.data || opcode === Opcode.ack)) this.take(opcode, block, datagram, now);
  }

  /** The deadline has passed. Until `patientUntil` nobody is blamed for silence: only what was held back goes on. */
  expire(now: number, patientUntil = 0): void {
    if (now < patientUntil && now < this.resumeAt) return this.setDeadline(patientUntil);
    if (this.phase === 'asked')
      return this.end('failed', now, { code: ErrorCode.undefined, message: 'no answer from the server' });
    if (!this.proven) return this.#expireUnproven(now);
    if (now >= this.#contentDueAt) {
      return this.refuse(wireError(INTERNAL), this.route!.from, now);
    }
    if (now >= this.#giveUpAt()) {
      if (this.onlyLastAckMissing) return this.end('completed', now, undefined, true);
      return this.end('failed', now, NO_ANSWER);
    }
    if (now >= this.resumeAt) this.resume(now);
    else if (this.attempts < this.limits.retries) {
      this.roundTrip.backOff();
      this.retry(now);
    }
    this.awaitPeer(now);
  }

  /** The server gives up: sends an ERROR and ends. */
  refuse(error: WireError, from: ServerEndpoint, now: number): void {
    if (this.phase === 'over') return;
    const answered = this.phase === 'open';
    this.route ??= { outbox: this.host.outbox, from, to: this.asked.peer };
    const message = error.message.slice(0, MAX_ERROR_CHARACTERS);
    const datagram = encode({ opcode: Opcode.error, code: error.code, message });
    if (this.proven || this.host.spend(this, datagram.length, now))
      this.host.outbox.send(this.route.from, this.route.to, datagram);
    this.end(answered ? 'failed' : 'refused', now, error);
  }

  /** Ends it without a word to the peer. */
  end(outcome: Outcome, now: number, error?: Ending['error'], lastAckMissing = false): void {
    if (this.phase === 'over') return;
    const ending: Ending = {
      outcome,
      bytes: this.bytes,
      durationMs: now - this.asked.at,
      agreement: this.agreement,
      rttMs: this.roundTrip?.smoothed,
      retransmissions: this.retransmissions,
      lastAckMissing,
      error,
    };
    this.phase = 'over';
    this.release();
    this.host.over(this, ending, now);
    this.oack = undefined;
    this.agreement = undefined;
  }

  progress(): Progress {
    return {
      id: this.id,
      bytes: this.bytes,
      size: this.size,
      retransmissions: this.retransmissions,
      rttMs: this.roundTrip?.smoothed,
    };
  }

  /** The peer has shown that it is there. */
  protected prove(now: number): void {
    if (this.proven) return;
    this.proven = true;
    this.provenAt = now;
    if (this.oack && this.#firstReplies === 1) this.roundTrip.sample(now - this.#firstReplyAt);
    this.host.proven(this, now);
    this.host.supersede(this, now);
  }

  /** Sets the deadline for the peer's next packet. */
  protected awaitPeer(now: number): void {
    this.#contentDueAt = Number.POSITIVE_INFINITY;
    if (this.resumeAt < Number.POSITIVE_INFINITY) return this.setDeadline(this.resumeAt);
    if (this.waitsForUs) {
      this.#contentDueAt = now + Math.max(CONTENT_MS, 2 * this.limits.idleMs);
      return this.setDeadline(this.#contentDueAt);
    }
    if (this.attempts >= this.limits.retries) return this.setDeadline(this.#giveUpAt());
    // Never longer, since a negotiated `timeout` is a promise.
    const jitter = this.attempts === 0 ? 1 : 1 - this.host.random() / 4;
    this.setDeadline(Math.min(this.#giveUpAt(), now + Math.max(this.leastWaitMs, this.roundTrip.timeout) * jitter));
  }

  setDeadline(deadline: number): void {
    this.deadline = deadline;
    this.host.deadlines.update(this);
  }

  /** A silent peer is given up then. */
  #giveUpAt(): number {
    const { idleMs } = this.limits;
    return this.progressAt + (this.onlyLastAckMissing ? Math.min(LAST_ACK_MS, idleMs) : idleMs);
  }

  #expireUnproven(now: number): void {
    if (now < this.#unprovenUntil) return this.reply(now);
    // curl takes the OACK of an empty file for the whole of it, and goes.
    if (this.size === 0 && this.#firstReplies > 0) return this.end('completed', now, undefined, true);
    this.end('failed', now, NO_ANSWER);
  }

  #peerError(datagram: Uint8Array, now: number): void {
    if (this.phase === 'over') return;
    const packet = decode(datagram);
    if (packet?.opcode !== Opcode.error) return;
    const { code, message } = packet;
    const sized =
      this.oack !== undefined && !this.proven && (code === ErrorCode.optionNegotiation || code === ErrorCode.undefined);
    if (!this.proven) this.host.proven(this, now);
    // The last block was sent, and the client says goodbye instead of acknowledging it.
    if (this.onlyLastAckMissing && code === ErrorCode.undefined) return this.end('completed', now, { code, message }, true);
    this.end(sized ? 'probed' : 'aborted', now, { code, message });
  }
}
