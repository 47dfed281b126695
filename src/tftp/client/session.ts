/**
 * Drives one client transfer with a UDP socket and the clock of the process, from the request to the end. What happens to the
 * bytes is the business of `client.ts`.
 */

import { backgroundClock } from '../../base/clock.ts';
import type { PeerKey } from '../../base/peer.ts';
import { EventLoopDriver } from '../../net/event-loop-driver.ts';
import type { StateMachine } from '../../net/state-machine.ts';
import { ErrorCode } from '../protocol/error.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { ClientError, type Failure } from './error.ts';
import { ClientSocket, type ClientSocketOptions } from './socket.ts';
import type { ClientHost, ClientTransfer } from './transfer.ts';

export interface SessionOptions<T> extends ClientSocketOptions {
  readonly signal: AbortSignal | undefined;
  /** Called after each step of the transfer. */
  readonly onStep: (transfer: T) => void;
}

/** Makes the transfer, once there is a socket to send from. */
export type Begin<T extends ClientTransfer> = (local: ClientSocket, host: ClientHost, session: Session<T>) => T;

export class Session<T extends ClientTransfer = ClientTransfer> implements StateMachine {
  /** Fulfilled when everything has arrived; rejects with a {@link ClientError}. */
  readonly ended: Promise<void>;
  readonly #socket: ClientSocket;
  readonly #options: SessionOptions<T>;
  readonly #transfer: T;
  /** It is the open socket that keeps the process alive. */
  readonly #driver = new EventLoopDriver(this, backgroundClock, () => this.#onStep());
  /** What made this end fail: a sink, a source, the network. */
  #cause: unknown;
  readonly #completion: { resolve(): void; reject(error: ClientError): void };

  private constructor(socket: ClientSocket, options: SessionOptions<T>, begin: Begin<T>) {
    this.#socket = socket;
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#completion = { resolve, reject };
    const outbox: Outbox = {
      send: (_from, to, datagram) => socket.send(to, datagram),
      data: (_from, to, block, slices) => socket.data(to, block, slices),
    };
    const host: ClientHost = { outbox, random: Math.random, over: (failure) => this.#onOver(failure) };
    this.#transfer = begin(socket, host, this);
  }

  /** Sends the request. Rejects with a {@link ClientError} if there can be no socket. */
  static async start<T extends ClientTransfer>(options: SessionOptions<T>, begin: Begin<T>): Promise<Session<T>> {
    let session: Session<T> | undefined;
    const socket = await ClientSocket.bind(options, {
      onDatagram: (from, datagram) => session?.receive(from, datagram),
      onFault: (error) => session?.fail(error),
      onRefused: () => session?.step((transfer, now) => transfer.refused(now)),
    }).catch((error: Error) => {
      throw new ClientError({ kind: 'local', code: undefined, message: error.message }, error);
    });
    session = new Session(socket, options, begin);
    session.step((transfer, now) => transfer.start(now));
    if (options.signal?.aborted) session.#onAbort();
    else options.signal?.addEventListener('abort', session.#onAbort);
    return session;
  }

  get transfer(): T {
    return this.#transfer;
  }

  receive(from: PeerKey, datagram: Uint8Array): void {
    this.#driver.receive((now) => this.#transfer.receive(from, datagram, now));
  }

  get nextDeadline(): number {
    return this.#transfer.deadline;
  }

  expire(now: number): void {
    if (now >= this.#transfer.deadline) this.#transfer.expire(now);
  }

  /** Does something to the transfer. */
  step(work: (transfer: T, now: number) => void): void {
    this.#driver.step((now) => work(this.#transfer, now));
  }

  /** Something went wrong on this side: the transfer ends, with an ERROR to the server. */
  fail(cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    const full = (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
    this.#cause ??= cause;
    this.step((transfer, now) => transfer.abort(full ? ErrorCode.diskFull : ErrorCode.undefined, message, now));
  }

  readonly #onAbort = (): void => {
    this.#cause ??= this.#options.signal?.reason;
    this.step((transfer, now) => transfer.abort(ErrorCode.undefined, 'aborted', now));
  };

  #onOver(failure: Failure | undefined): void {
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    if (failure) this.#completion.reject(new ClientError(failure, failure.kind === 'local' ? this.#cause : undefined));
    else this.#completion.resolve();
    // A download may still listen for a repeated last DATA; the process need not wait for that.
    this.#socket.unref();
  }

  #onStep(): void {
    this.#options.onStep(this.#transfer);
    if (this.#transfer.phase !== 'over') return;
    this.#driver.stop();
    this.#socket.close();
  }
}
