/**
 * One transfer as the client sees it, without I/O and without a clock: what downloads and uploads have in common.
 */

import type { Endpoint } from '../../base/endpoint.ts';
import { addressKey, type PeerKey, peerOf } from '../../base/peer.ts';
import { ErrorCode } from '../protocol/error.ts';
import { type Flow, NO_FLOW } from '../protocol/flow.ts';
import type { Outbox, Route } from '../protocol/outbox.ts';
import { blockOf, decode, encode, HEADER_BYTES, Opcode, opcodeOf } from '../protocol/packet.ts';
import { advance, type Phases } from '../protocol/phases.ts';
import { UNKNOWN_TRANSFER } from '../protocol/strangers.ts';
import { CLIENT_RULES, Watchdog, type WatchdogLimits } from '../protocol/watchdog.ts';
import { Asking } from './asking.ts';
import type { Failure } from './error.ts';
import { type AskedOptions, type ClientAgreement, DEFAULTS, judge, requestOptions } from './options.ts';

/** Bounds of a client's transfer. Times in milliseconds. */
export interface ClientLimits extends WatchdogLimits {
  /** How long a complete download listens for a repeated last DATA. */
  readonly dallyMs: number;
}

/** What to ask for, and which server. */
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
  /** Called once: complete, or failed. */
  over(failure: Failure | undefined, now: number): void;
}

/** ERROR 5 to strangers, per transfer. */
const MAX_STRANGER_ERRORS = 16;

export type ClientPhase = keyof typeof PHASES;

/** The life of a transfer. */
const PHASES = {
  idle: ['asking'],
  /** The request is out, and is sent again until the server answers. The port of the first answer is the server's transfer ID (RFC 1350 §4). */
  asking: ['open', 'over'],
  /** Bytes flow. */
  open: ['dallying', 'over'],
  /** A download is complete and was reported. The last ACK may be lost, and then the last DATA comes once more; a driver may skip this. */
  dallying: ['over'],
  over: [],
} as const satisfies Phases<'idle' | 'asking' | 'open' | 'dallying' | 'over'>;

export abstract class ClientTransfer<H extends ClientHost = ClientHost> {
  /** Set by the server's first answer. */
  agreement: ClientAgreement | undefined;
  readonly request: ClientRequest;
  protected readonly host: H;
  protected readonly watchdog: Watchdog;
  protected route: Route | undefined;
  #phase: ClientPhase = 'idle';
  readonly #asking: Flow;
  #flow = NO_FLOW;
  #strangerErrors = 0;

  constructor(request: ClientRequest, host: H) {
    this.request = request;
    this.host = host;
    this.watchdog = new Watchdog(CLIENT_RULES, host, 0);
    this.watchdog.begin(request.limits);
    this.#asking = new Asking(() => this.#ask());
  }

  /** RRQ or WRQ. */
  protected abstract readonly opcode: typeof Opcode.rrq | typeof Opcode.wrq;
  /** The server's first answer, other than an OACK: whether it is the one that this kind of transfer begins with. */
  protected abstract begins(opcode: number, block: number): boolean;
  /** The server has answered: begin. Returns what flows. */
  protected abstract open(agreement: ClientAgreement, byOack: boolean, now: number): Flow;
  /** A packet of the open transfer, other than ERROR. */
  protected abstract take(opcode: number, block: number, datagram: Uint8Array, now: number): void;

  get phase(): ClientPhase {
    return this.#phase;
  }

  /** When `expire` is due; `Infinity` while nothing is waited for. */
  get deadline(): number {
    return this.watchdog.deadline;
  }

  /** Payload bytes that have arrived, here or there. */
  get bytes(): number {
    return this.#flow.bytes;
  }

  /** Smoothed round-trip time, milliseconds. */
  get rttMs(): number | undefined {
    return this.watchdog.roundTrip.smoothed;
  }

  /** Packets sent more than once. */
  get retransmissions(): number {
    return this.#asking.repeats + this.#flow.repeats;
  }

  /** The port that the server answers from, once known. */
  get peer(): PeerKey | undefined {
    return this.route?.to;
  }

  /** Sends the request. */
  start(now: number): void {
    if (this.#phase !== 'idle') return;
    this.#enter('asking');
    this.#ask();
    this.progress(now);
  }

  /** Takes a datagram. The bytes are not kept. */
  receive(from: PeerKey, datagram: Uint8Array, now: number): void {
    if (this.#phase === 'idle') return;
    const opcode = opcodeOf(datagram);
    const known = this.route ? from === this.route.to : addressKey(from) === addressKey(this.request.server);
    if (!known) return this.#stranger(from, opcode);
    if (this.#phase === 'over') return;
    if (opcode === Opcode.error) return this.#serverError(datagram, now);
    if (this.#phase === 'asking') return this.#answered(from, opcode, datagram, now);
    const block = blockOf(datagram);
    if (block >= 0) this.take(opcode, block, datagram, now);
  }

  /** The deadline has passed. */
  expire(now: number): void {
    if (this.#phase === 'idle' || this.#phase === 'over') return;
    const flow = this.#awaited;
    const reason = this.watchdog.due(flow, now, 0);
    switch (reason) {
      case 'retransmit':
        this.watchdog.retry(flow, now);
        return this.awaitServer(now);
      case 'resume':
        flow.resume(now);
        return this.awaitServer(now);
      case 'idle':
        return this.fail({ kind: 'timeout', code: undefined, message: 'no answer from the server' }, now);
      case 'linger':
        return this.skipDally();
      // A client's own content has no deadline, and the rest is a server's.
      case 'content':
      case 'answer':
      case 'unproven':
      case undefined:
        return;
    }
  }

  /**
   * The server's host has answered a request by ICMP port unreachable. That ends a transfer only before the server's first answer: later on,
   * anything may have been sent late.
   */
  refused(now: number): void {
    if (this.#phase !== 'asking') return;
    const { port } = peerOf(this.request.server);
    this.fail({ kind: 'refused', code: undefined, message: `nothing listens on UDP port ${port}` }, now);
  }

  /** Gives up, with an ERROR to the server if it has answered. */
  abort(code: number, message: string, now: number): void {
    this.fail({ kind: 'local', code: undefined, message }, now, code);
  }

  /** Stops listening for a repeated last DATA. */
  skipDally(): void {
    if (this.#phase === 'dallying') this.#close('over', Number.POSITIVE_INFINITY);
  }

  /** Everything has arrived and is stored. */
  protected complete(now: number, dallyMs: number): void {
    if (dallyMs > 0) this.#close('dallying', now + dallyMs);
    else this.#close('over', Number.POSITIVE_INFINITY);
    this.host.over(undefined, now);
  }

  /** @param code of the ERROR to send to the server, if there is to be one */
  protected fail(failure: Failure, now: number, code?: number): void {
    if (this.#phase !== 'asking' && this.#phase !== 'open') return;
    if (code !== undefined && this.route) this.#sendError(this.route.to, code, failure.message);
    this.#close('over', Number.POSITIVE_INFINITY);
    this.host.over(failure, now);
  }

  /** The server has moved things forward, or it is its turn again. */
  protected progress(now: number): void {
    this.watchdog.progressAt = now;
    this.awaitServer(now);
  }

  protected awaitServer(now: number): void {
    if (this.#phase === 'asking' || this.#phase === 'open') this.watchdog.awaitPeer(this.#awaited, now);
  }

  get #awaited(): Flow {
    return this.#phase === 'asking' ? this.#asking : this.#flow;
  }

  #ask(): void {
    const { name, mode, options, server, local } = this.request;
    const datagram = encode({ opcode: this.opcode, name, mode, options: requestOptions(options) });
    this.host.outbox.send(local, server, datagram);
  }

  #answered(from: PeerKey, opcode: number, datagram: Uint8Array, now: number): void {
    if (opcode === Opcode.oack) {
      const packet = decode(datagram);
      if (packet?.opcode !== Opcode.oack) return;
      const verdict = judge(this.request.options, packet.options);
      if (verdict.ok) return this.#agree(from, verdict.agreement, true, now);
      this.#sendError(from, ErrorCode.optionNegotiation, verdict.reason);
      return this.fail({ kind: 'protocol', code: undefined, message: verdict.reason }, now);
    }
    // Anything else is from before: a repeated packet of a transfer that this port had earlier.
    if (!this.begins(opcode, blockOf(datagram))) return;
    this.#agree(from, DEFAULTS, false, now);
    this.take(opcode, blockOf(datagram), datagram, now);
  }

  #agree(from: PeerKey, agreement: ClientAgreement, byOack: boolean, now: number): void {
    const { limits, local } = this.request;
    this.route = { outbox: this.host.outbox, from: local, to: from };
    this.agreement = agreement;
    this.#enter('open');
    this.watchdog.begin(limits, agreement.timeoutMs);
    this.#flow = this.open(agreement, byOack, now);
    this.progress(now);
  }

  #serverError(datagram: Uint8Array, now: number): void {
    const packet = decode(datagram);
    if (packet?.opcode !== Opcode.error) return;
    this.fail({ kind: 'error', code: packet.code, message: packet.message || `error ${packet.code}` }, now);
  }

  /** A reply to a duplicated request, or a forged packet: its sender gets an ERROR, and the transfer goes on (RFC 1350 §4). */
  #stranger(from: PeerKey, opcode: number): void {
    const known = opcode === Opcode.data || opcode === Opcode.ack || opcode === Opcode.oack;
    if (!known || ++this.#strangerErrors > MAX_STRANGER_ERRORS) return;
    this.host.outbox.send(this.request.local, from, UNKNOWN_TRANSFER);
  }

  #sendError(to: PeerKey, code: number, message: string): void {
    const datagram = encode({ opcode: Opcode.error, code, message });
    this.host.outbox.send(this.request.local, to, datagram);
  }

  #close(phase: 'dallying' | 'over', deadline: number): void {
    this.#enter(phase);
    this.watchdog.wake('linger', deadline);
  }

  #enter(phase: ClientPhase): void {
    this.#phase = advance<ClientPhase>(PHASES, this.#phase, phase);
  }
}

/** The payload of a DATA packet, in place. */
export function payloadOf(datagram: Uint8Array): Uint8Array {
  return datagram.subarray(HEADER_BYTES);
}
