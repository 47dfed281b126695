/**
 * One machine of a storm: boots, by making the requests of its profile one after the other, each from a port of its own, as
 * firmware does. It knows no sockets and no clock.
 */

import type { DatagramOutbox, Endpoint } from '../../base/endpoint.ts';
import type { PeerKey } from '../../base/peer.ts';
import { DownloadTransfer } from '../client/download.ts';
import type { Failure } from '../client/error.ts';
import { requestOptions } from '../client/options.ts';
import { ProbeTransfer } from '../client/probe.ts';
import type { ClientHost, ClientLimits, ClientRequest } from '../client/transfer.ts';
import { ErrorCode } from '../protocol/error.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { encode, Opcode, opcodeOf } from '../protocol/packet.ts';
import type { Faults } from './faults.ts';
import type { ProfileName, Step } from './profile.ts';
import type { Tally } from './tally.ts';
import type { Wakeable } from './wakeable.ts';

/** One boot to come. */
export interface Boot {
  readonly profile: ProfileName;
  /** Where the machine sends from, if not from where all do. */
  readonly localAddress: string | undefined;
  readonly steps: readonly Step[];
  /** Decides its chances. */
  readonly random: () => number;
}

/** What all machines of a storm share. */
export interface MachineHost {
  readonly outbox: DatagramOutbox;
  readonly faults: Faults;
  readonly tally: Tally;
  readonly limits: ClientLimits;
  /** ERROR 1 is an answer like any other. */
  readonly allowAbsent: boolean;
  open(machine: Machine, localAddress: string | undefined): Endpoint;
  close(port: Endpoint): void;
  /** What a file must be; `undefined` if that is not known. */
  expected(name: string): Uint8Array | undefined;
  /** Takes notice of its deadline. */
  arm(machine: Machine): void;
  /** The boot is over, one way or the other. */
  idle(machine: Machine, now: number): void;
}

/** A request under way. */
interface Request {
  readonly step: Step;
  readonly port: Endpoint;
  readonly transfer: DownloadTransfer | ProbeTransfer;
  /** What the file must be, where that is known; looked up with the first bytes, since many files are absent. */
  expected: Uint8Array | undefined;
  readonly beganAt: number;
  firstByteAt: number;
  /** Reported by the transfer, to be dealt with when its call has returned. */
  arrived: number;
  /** Delivered by the transfer, and not yet reported as written. */
  unwritten: number;
  last: boolean;
  wrong: boolean;
  ending: 'running' | 'completed' | Failure;
  /** DATA packets. */
  data: number;
  repeats: number;
  repeatAt: number;
}

/** Times between repeated requests. */
const MIN_REPEAT_MS = 5;
const MAX_REPEAT_MS = 9;

export class Machine implements Wakeable {
  deadline = Number.POSITIVE_INFINITY;
  queuedAt = Number.POSITIVE_INFINITY;
  readonly #host: MachineHost;
  readonly #outbox: Outbox;
  #boot: Boot | undefined;
  #at = 0;
  #beganAt = 0;
  #request: Request | undefined;
  #now = 0;

  constructor(host: MachineHost) {
    this.#host = host;
    this.#outbox = {
      send: (from, to, datagram) => this.#send(from, to, datagram),
      // Only uploads send DATA.
      data: () => {},
    };
  }

  begin(boot: Boot, now: number): void {
    this.#boot = boot;
    this.#at = 0;
    this.#beganAt = now;
    this.#host.tally.boots.started++;
    this.#next(now);
  }

  /** Takes a datagram that came to one of its ports. */
  receive(port: Endpoint, from: PeerKey, datagram: Uint8Array, now: number): void {
    const request = this.#request;
    if (request?.port !== port) return;
    if (opcodeOf(datagram) === Opcode.data) request.data++;
    const { faults } = this.#host;
    if (!faults.any) return this.#take(request, from, datagram, now);
    faults.pass(datagram, now, this.#boot!.random, (bytes, at) => this.#take(request, from, bytes, at));
  }

  wake(now: number): void {
    const request = this.#request;
    if (!request) return;
    this.#now = now;
    if (now >= request.repeatAt) this.#repeat(request, now);
    if (now >= request.transfer.deadline) request.transfer.expire(now);
    this.#follow(request, now);
  }

  /** Gives up what is under way, with an ERROR to the server; counts nothing. */
  abandon(now: number): void {
    const request = this.#request;
    if (!request) return;
    this.#now = now;
    request.transfer.abort(ErrorCode.undefined, 'aborted', now);
    this.#close(request);
  }

  #next(now: number): void {
    const step = this.#boot!.steps[this.#at++];
    if (!step) return this.#over(undefined, now);
    this.#now = now;
    const port = this.#host.open(this, this.#boot!.localAddress);
    const ask: ClientRequest = {
      server: step.server,
      local: port,
      name: step.name,
      mode: 'octet',
      options: step.options,
      limits: this.#host.limits,
    };
    const host: ClientHost = {
      outbox: this.#outbox,
      random: this.#boot!.random,
      over: (failure) => {
        request.ending = failure ?? 'completed';
      },
    };
    const deliver = (bytes: Uint8Array, last: boolean) => {
      if (request.arrived === 0) request.expected = this.#host.expected(step.name);
      arrive(request, bytes, last);
    };
    const request: Request = {
      step,
      port,
      transfer: step.kind === 'probe' ? new ProbeTransfer(ask, host) : new DownloadTransfer(ask, { ...host, deliver }),
      expected: undefined,
      beganAt: now,
      firstByteAt: 0,
      arrived: 0,
      unwritten: 0,
      last: false,
      wrong: false,
      ending: 'running',
      data: 0,
      repeats: step.repeats ?? 0,
      repeatAt: Number.POSITIVE_INFINITY,
    };
    this.#request = request;
    request.transfer.start(now);
    if (request.repeats > 0) request.repeatAt = now + this.#repeatGap();
    this.#follow(request, now);
  }

  #take(request: Request, from: PeerKey, datagram: Uint8Array, now: number): void {
    // Delayed until after its end.
    if (this.#request !== request) return;
    this.#now = now;
    const { transfer } = request;
    transfer.receive(from, datagram, now);
    if (request.firstByteAt === 0 && transfer.bytes > 0) request.firstByteAt = now;
    if (request.unwritten > 0 || request.last) this.#written(request, now);
    this.#follow(request, now);
  }

  #written(request: Request, now: number): void {
    const { transfer, unwritten, last } = request;
    if (!(transfer instanceof DownloadTransfer)) return;
    request.unwritten = 0;
    if (last && request.expected && request.arrived !== request.expected.length) request.wrong = true;
    if (request.wrong) transfer.abort(ErrorCode.undefined, 'wrong bytes', now);
    else transfer.written(unwritten, last, now);
  }

  /** After each call of the transfer: checks whether it has ended, and when it is to be woken. */
  #follow(request: Request, now: number): void {
    if (request.ending !== 'running') return this.#ended(request, request.ending, now);
    this.deadline = Math.min(request.transfer.deadline, request.repeatAt);
    this.#host.arm(this);
  }

  #ended(request: Request, ending: 'completed' | Failure, now: number): void {
    const { tally, allowAbsent } = this.#host;
    const { step, transfer, beganAt } = request;
    this.#close(request);
    if (ending === 'completed') {
      const size = transfer.agreement?.announcedSize ?? transfer.bytes;
      if (size !== transfer.bytes) return this.#failed(`tsize was ${size}, but ${transfer.bytes} bytes arrived`, now);
      tally.completed(now - beganAt, (request.firstByteAt || now) - beganAt);
      if (step.kind === 'search') this.#skipSearches();
    } else if (step.kind === 'probe' && ending.kind === 'local') tally.requests.probed++;
    else if (ending.code === ErrorCode.fileNotFound && (step.kind === 'search' || allowAbsent)) tally.requests.absent++;
    else return this.#failed(reasonOf(ending), now);
    this.#next(now);
  }

  #failed(reason: string, now: number): void {
    this.#host.tally.failed(reason);
    this.#over(reason, now);
  }

  #over(failure: string | undefined, now: number): void {
    const { tally } = this.#host;
    if (failure === undefined) tally.bootCompleted(now - this.#beganAt);
    else tally.bootFailed(this.#boot!.profile);
    this.#boot = undefined;
    this.#host.idle(this, now);
  }

  #close(request: Request): void {
    const { tally } = this.#host;
    const { transfer, data, port } = request;
    this.#request = undefined;
    this.deadline = Number.POSITIVE_INFINITY;
    tally.bytes += transfer.bytes;
    tally.sentAgain += transfer.retransmissions;
    if (transfer.agreement && transfer instanceof DownloadTransfer) {
      const { blockSize } = transfer.agreement;
      tally.receivedAgain += Math.max(0, data - Math.floor(transfer.bytes / blockSize) - 1);
    }
    this.#host.close(port);
  }

  #skipSearches(): void {
    const { steps } = this.#boot!;
    while (steps[this.#at]?.kind === 'search') this.#at++;
  }

  /** The request once more, as firmware does that sends several at once. */
  #repeat(request: Request, now: number): void {
    const { name, server, options } = request.step;
    const datagram = encode({ opcode: Opcode.rrq, name, mode: 'octet', options: requestOptions(options) });
    this.#send(request.port, server, datagram);
    request.repeats--;
    request.repeatAt = request.repeats > 0 ? now + this.#repeatGap() : Number.POSITIVE_INFINITY;
  }

  #repeatGap(): number {
    return MIN_REPEAT_MS + this.#boot!.random() * (MAX_REPEAT_MS - MIN_REPEAT_MS);
  }

  #send(from: Endpoint, to: PeerKey, datagram: Uint8Array): void {
    const { faults, outbox } = this.#host;
    if (!faults.any) return outbox.send(from, to, datagram);
    faults.pass(datagram, this.#now, this.#boot!.random, (bytes) => outbox.send(from, to, bytes));
  }
}

/** A piece of the file has come. */
function arrive(request: Request, bytes: Uint8Array, last: boolean): void {
  const { expected, arrived } = request;
  if (expected && Buffer.compare(bytes, expected.subarray(arrived, arrived + bytes.length)) !== 0) request.wrong = true;
  request.arrived += bytes.length;
  request.unwritten += bytes.length;
  request.last ||= last;
}

function reasonOf({ kind, code, message }: Failure): string {
  return kind === 'error' ? `ERROR ${code}: ${message}` : message;
}
