/**
 * One transfer as the client sees it, without I/O and without a clock: what downloads and uploads have in common.
 *
 *     idle ──▶ asking ──▶ open ──▶ (dallying) ──▶ over
 *
 * `asking`: the request is out, and is sent again until the server answers; the port that the first answer comes from is the
 * server's transfer ID from then on (RFC 1350 §4). `open`: bytes flow. `dallying`: a download is complete and was reported, but
 * the last ACK may be lost, and then the last DATA comes once more; a driver may skip this.
 */

import type { Endpoint } from '../../base/endpoint.ts';
import { addressKey, type PeerKey, peerOf } from '../../base/peer.ts';
import { ErrorCode } from '../protocol/error.ts';
import type { Outbox, Route } from '../protocol/outbox.ts';
import { blockOf, decode, encode, HEADER_BYTES, Opcode, opcodeOf } from '../protocol/packet.ts';
import { RoundTrip } from '../protocol/rtt.ts';
import type { Failure } from './error.ts';
import { type AskedOptions, type ClientAgreement, DEFAULTS, judge, requestOptions } from './options.ts';

/** Bounds of a client's transfer. Times in milliseconds. */
export interface ClientLimits {
  /** Retransmissions without progress; after them it only waits. */
  readonly retries: number;
  /** Without progress for so long, it fails. */
  readonly idleMs: number;
  /** Bounds of the retransmission time-out; an agreed `timeout` takes the place of the upper one. */
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** How long a complete download listens for a repeated last DATA. */
  readonly dallyMs: number;
}

/** What to ask of whom. */
export interface ClientRequest {
  /** Where the request is sent; answers come from the same address and, mostly, another port. */
  readonly server: PeerKey;
  /** What everything is sent from. */
  readonly local: Endpoint;
  readonly name: string;
  readonly mode: string;
  readonly options: AskedOptions;
  readonly limits: ClientLimits;
}

/** What a transfer asks of its driver. */
export interface ClientHost {
  readonly outbox: Outbox;
  /** Uniform in [0, 1). */
  random(): number;
  /** Told once: complete, or failed. */
  over(failure: Failure | undefined, now: number): void;
}

/** ERROR 5 to strangers, per transfer. */
const MAX_STRANGER_ERRORS = 16;

const UNKNOWN_TRANSFER = encode({
  opcode: Opcode.error,
  code: ErrorCode.unknownTransferId,
  message: 'unknown transfer ID',
});

export abstract class ClientTransfer<H extends ClientHost = ClientHost> {
  phase: 'idle' | 'asking' | 'open' | 'dallying' | 'over' = 'idle';
  /** When `expire` is due; `Infinity` while nothing is waited for. */
  deadline = Number.POSITIVE_INFINITY;
  /** Set by the server's first answer. */
  agreement: ClientAgreement | undefined;
  readonly request: ClientRequest;
  protected readonly host: H;
  protected route: Route | undefined;
  protected roundTrip: RoundTrip;
  protected progressAt = 0;
  #requests = 0;
  #strangerErrors = 0;

  constructor(request: ClientRequest, host: H) {
    this.request = request;
    this.host = host;
    this.roundTrip = new RoundTrip(request.limits.minTimeoutMs, request.limits.maxTimeoutMs);
  }

  /** RRQ or WRQ. */
  protected abstract readonly opcode: typeof Opcode.rrq | typeof Opcode.wrq;
  /** Payload bytes that have arrived, here or there. */
  abstract readonly bytes: number;
  /** Retries since the last progress, once open. */
  protected abstract readonly attempts: number;
  /** When `resume` is due: the rest of a window was held back. `Infinity` if nothing was. */
  protected abstract readonly resumeAt: number;
  protected abstract resume(now: number): void;
  /** It is not the server that is waited for: no deadline. */
  protected abstract readonly waitsForUs: boolean;
  protected abstract readonly repeats: number;
  /** The server's first answer, other than an OACK: whether it is the one that this kind of transfer begins with. */
  protected abstract begins(opcode: number, block: number): boolean;
  /** The server has answered: begin. */
  protected abstract open(agreement: ClientAgreement, byOack: boolean, now: number): void;
  /** A packet of the open transfer, other than ERROR. */
  protected abstract take(opcode: number, block: number, datagram: Uint8Array, now: number): void;
  /** Sends again what the server has not answered. */
  protected abstract retry(now: number): void;

  /** Smoothed round-trip time, milliseconds. */
  get rttMs(): number | undefined {
    return this.roundTrip.smoothed;
  }

  /** Packets sent more than once. */
  get retransmissions(): number {
    return Math.max(0, this.#requests - 1) + this.repeats;
  }

  /** The port that the server answers from, once known. */
  get peer(): PeerKey | undefined {
    return this.route?.to;
  }

  /** Sends the request. */
  start(now: number): void {
    if (this.phase !== 'idle') return;
    this.phase = 'asking';
    this.progressAt = now;
    this.#ask();
    this.awaitServer(now);
  }

  /** Takes a datagram. The bytes are not kept. */
  receive(from: PeerKey, datagram: Uint8Array, now: number): void {
    if (this.phase === 'idle') return;
    const opcode = opcodeOf(datagram);
    const known = this.route ? from === this.route.to : addressKey(from) === addressKey(this.request.server);
    if (!known) return this.#stranger(from, opcode);
    if (this.phase === 'over') return;
    if (opcode === Opcode.error) return this.#serverError(datagram, now);
    if (this.phase === 'asking') return this.#answered(from, opcode, datagram, now);
    const block = blockOf(datagram);
    if (block >= 0) this.take(opcode, block, datagram, now);
  }

  /** The deadline has passed. */
  expire(now: number): void {
    if (this.phase === 'dallying') return this.skipDally();
    if (this.phase !== 'asking' && this.phase !== 'open') return;
    const { retries, idleMs } = this.request.limits;
    if (now >= this.progressAt + idleMs) {
      return this.fail({ kind: 'timeout', code: undefined, message: 'no answer from the server' }, now);
    }
    if (now >= this.resumeAt) this.resume(now);
    else if (this.#tries < retries) {
      this.roundTrip.backOff();
      if (this.phase === 'asking') this.#ask();
      else this.retry(now);
    }
    this.awaitServer(now);
  }

  /**
   * The server's host has answered a request by ICMP port unreachable. That ends a transfer only before the server's first answer: later on,
   * anything may have been sent late.
   */
  refused(now: number): void {
    if (this.phase !== 'asking') return;
    const { port } = peerOf(this.request.server);
    this.fail({ kind: 'refused', code: undefined, message: `nothing listens on UDP port ${port} there` }, now);
  }

  /** Gives up, with an ERROR to the server if it has answered. */
  abort(code: number, message: string, now: number): void {
    this.fail({ kind: 'local', code: undefined, message }, now, code);
  }

  /** Stops listening for a repeated last DATA. */
  skipDally(): void {
    if (this.phase === 'dallying') this.#close();
  }

  /** Everything has arrived and is stored. */
  protected complete(now: number, dallyMs: number): void {
    this.#close();
    if (dallyMs > 0) {
      this.phase = 'dallying';
      this.deadline = now + dallyMs;
    }
    this.host.over(undefined, now);
  }

  /** @param tell code of the ERROR to send to the server, if it is to be told */
  protected fail(failure: Failure, now: number, tell?: number): void {
    if (this.phase !== 'asking' && this.phase !== 'open') return;
    if (tell !== undefined && this.route) this.#sendError(this.route.to, tell, failure.message);
    this.#close();
    this.host.over(failure, now);
  }

  /** The server has moved things forward, or it is its turn again. */
  protected progress(now: number): void {
    this.progressAt = now;
    this.awaitServer(now);
  }

  protected awaitServer(now: number): void {
    if (this.phase !== 'asking' && this.phase !== 'open') return;
    const { retries, idleMs } = this.request.limits;
    const giveUpAt = this.progressAt + idleMs;
    if (this.resumeAt < Number.POSITIVE_INFINITY) this.deadline = this.resumeAt;
    else if (this.phase === 'open' && this.waitsForUs) this.deadline = Number.POSITIVE_INFINITY;
    else if (this.#tries >= retries) this.deadline = giveUpAt;
    else {
      const jitter = this.#tries === 0 ? 1 : 1 - this.host.random() / 4;
      this.deadline = Math.min(giveUpAt, now + this.roundTrip.timeout * jitter);
    }
  }

  get #tries(): number {
    return this.phase === 'asking' ? this.#requests - 1 : this.attempts;
  }

  #ask(): void {
    const { name, mode, options, server, local } = this.request;
    this.#requests++;
    const datagram = encode({ opcode: this.opcode, name, mode, options: requestOptions(options) });
    this.host.outbox.send(local, server, datagram);
  }

  #answered(from: PeerKey, opcode: number, datagram: Uint8Array, now: number): void {
    if (opcode === Opcode.oack) {
      const packet = decode(datagram);
      if (packet?.opcode !== Opcode.oack) return;
      const verdict = judge(this.request.options, packet.options);
      if (verdict.ok) return this.#settle(from, verdict.agreement, true, now);
      this.#sendError(from, ErrorCode.optionNegotiation, verdict.reason);
      return this.fail({ kind: 'protocol', code: undefined, message: verdict.reason }, now);
    }
    // Anything else is from before: a repeated packet of a transfer that this port had earlier.
    if (!this.begins(opcode, blockOf(datagram))) return;
    this.#settle(from, DEFAULTS, false, now);
    this.take(opcode, blockOf(datagram), datagram, now);
  }

  #settle(from: PeerKey, agreement: ClientAgreement, byOack: boolean, now: number): void {
    const { limits, local } = this.request;
    this.route = { outbox: this.host.outbox, from: local, to: from };
    this.agreement = agreement;
    this.phase = 'open';
    this.roundTrip = new RoundTrip(limits.minTimeoutMs, agreement.timeoutMs ?? limits.maxTimeoutMs);
    this.open(agreement, byOack, now);
    this.progress(now);
  }

  #serverError(datagram: Uint8Array, now: number): void {
    const packet = decode(datagram);
    if (packet?.opcode !== Opcode.error) return;
    this.fail({ kind: 'error', code: packet.code, message: packet.message || `error ${packet.code}` }, now);
  }

  /** A reply to a duplicated request, or a forged packet: it is told so, and disturbs nobody (RFC 1350 §4). */
  #stranger(from: PeerKey, opcode: number): void {
    const known = opcode === Opcode.data || opcode === Opcode.ack || opcode === Opcode.oack;
    if (!known || ++this.#strangerErrors > MAX_STRANGER_ERRORS) return;
    this.host.outbox.send(this.request.local, from, UNKNOWN_TRANSFER);
  }

  #sendError(to: PeerKey, code: number, message: string): void {
    const datagram = encode({ opcode: Opcode.error, code, message });
    this.host.outbox.send(this.request.local, to, datagram);
  }

  #close(): void {
    this.phase = 'over';
    this.deadline = Number.POSITIVE_INFINITY;
  }
}

/** The payload of a DATA packet, in place. */
export function payloadOf(datagram: Uint8Array): Uint8Array {
  return datagram.subarray(HEADER_BYTES);
}
