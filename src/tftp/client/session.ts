/**
 * Drives one client transfer with a UDP socket and the clock of the process, from the request to the end. What happens to the
 * bytes is the business of `client.ts`.
 */

import type { PeerKey } from '../../base/peer.ts';
import { ErrorCode } from '../protocol/error.ts';
import type { Outbox } from '../protocol/outbox.ts';
import { ClientError, type Failure } from './error.ts';
import { ClientSocket, type ClientSocketOptions } from './socket.ts';
import type { ClientHost, ClientTransfer } from './transfer.ts';

export interface SessionOptions<T> extends ClientSocketOptions {
  readonly signal: AbortSignal | undefined;
  /** After each step of the transfer. */
  readonly stepped: (transfer: T) => void;
}

/** Makes the transfer, once there is a socket to send from. */
export type Begin<T extends ClientTransfer> = (local: ClientSocket, host: ClientHost, session: Session<T>) => T;

export class Session<T extends ClientTransfer = ClientTransfer> {
  /** Fulfilled when everything has arrived; rejects with a {@link ClientError}. */
  readonly ended: Promise<void>;
  readonly #socket: ClientSocket;
  readonly #options: SessionOptions<T>;
  readonly #transfer: T;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** What made this end fail: a sink, a source, the network. */
  #cause: unknown;
  readonly #settle: { resolve(): void; reject(error: ClientError): void };

  private constructor(socket: ClientSocket, options: SessionOptions<T>, begin: Begin<T>) {
    this.#socket = socket;
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#settle = { resolve, reject };
    const outbox: Outbox = {
      send: (_from, to, datagram) => socket.send(to, datagram),
      data: (_from, to, block, slices) => socket.data(to, block, slices),
    };
    const host: ClientHost = { outbox, random: Math.random, over: (failure) => this.#over(failure) };
    this.#transfer = begin(socket, host, this);
  }

  /** Sends the request. Rejects with a {@link ClientError} if there can be no socket. */
  static async start<T extends ClientTransfer>(options: SessionOptions<T>, begin: Begin<T>): Promise<Session<T>> {
    let session: Session<T> | undefined;
    const socket = await ClientSocket.bind(options, {
      receive: (from: PeerKey, datagram) => session?.drive((transfer, now) => transfer.receive(from, datagram, now)),
      fault: (error) => session?.fail(error),
      refused: () => session?.drive((transfer, now) => transfer.refused(now)),
    }).catch((error: Error) => {
      throw new ClientError({ kind: 'local', code: undefined, message: error.message }, error);
    });
    session = new Session(socket, options, begin);
    session.drive((transfer, now) => transfer.start(now));
    if (options.signal?.aborted) session.#aborted();
    else options.signal?.addEventListener('abort', session.#aborted);
    return session;
  }

  get transfer(): T {
    return this.#transfer;
  }

  /** Gives the transfer something, and looks when it wants to be woken. */
  drive(work: (transfer: T, now: number) => void): void {
    const now = performance.now();
    work(this.#transfer, now);
    this.#arm(now);
    this.#options.stepped(this.#transfer);
    if (this.#transfer.phase === 'over') this.#close();
  }

  /** Something went wrong here: the transfer ends, and the server is told. */
  fail(cause: unknown): void {
    const message = cause instanceof Error ? cause.message : String(cause);
    const full = (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOSPC';
    this.#cause ??= cause;
    this.drive((transfer, now) => transfer.abort(full ? ErrorCode.diskFull : ErrorCode.undefined, message, now));
  }

  readonly #aborted = (): void => {
    this.#cause ??= this.#options.signal?.reason;
    this.drive((transfer, now) => transfer.abort(ErrorCode.undefined, 'aborted', now));
  };

  #over(failure: Failure | undefined): void {
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    if (failure) this.#settle.reject(new ClientError(failure, failure.kind === 'local' ? this.#cause : undefined));
    else this.#settle.resolve();
    // A download may still listen for a repeated last DATA; nobody has to wait for that.
    this.#socket.unref();
    this.#timer?.unref();
  }

  #arm(now: number): void {
    const due = this.#transfer.deadline;
    // A timer that comes too early only looks again.
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(() => setImmediate(() => this.#wake()), Math.max(0, due - now));
    if (this.#transfer.phase === 'dallying') this.#timer.unref();
  }

  /** One turn of the event loop after the timer: what has come meanwhile was not late, this process was. */
  #wake(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.drive((transfer, now) => now >= transfer.deadline && transfer.expire(now));
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#timerAt = Number.NEGATIVE_INFINITY;
    this.#socket.close();
  }
}
