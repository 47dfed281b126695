/**
 * One connection: its requests are answered one after the other, and it is closed if its client is too slow to ask or to read.
 */
import type { Socket } from 'node:net';
import type { HttpExchange } from './exchange.ts';

/** `http.limits`, as far as they concern a connection. */
export interface ConnectionLimits {
  readonly pipelined: number;
  readonly headerMs: number;
  readonly keepAliveMs: number;
  readonly idleMs: number;
  readonly minBytesPerSecond: number;
}

/** Why a connection is closed. */
export type Verdict = 'idle' | 'too-slow';

export class Connection {
  readonly socket: Socket;
  readonly isSecure: boolean;
  current: HttpExchange | undefined;
  /** No further request is answered: close it after the current one. */
  isLast = false;
  readonly #waiting: (() => void)[] = [];
  /** A request is being answered, by an exchange or by a refusal. */
  #isBusy = false;
  /** Since when it has been waiting for a request, or the period over which the client's speed is measured began. */
  #sinceMs: number;
  #sent = 0;
  #answered = 0;

  constructor(socket: Socket, isSecure: boolean, nowMs: number) {
    this.socket = socket;
    this.isSecure = isSecure;
    this.#sinceMs = nowMs;
  }

  get isIdle(): boolean {
    return !this.#isBusy && this.#waiting.length === 0;
  }

  /** Answers a request when those before it are answered; whether there is room for it. */
  enqueue(begin: () => void, { pipelined }: ConnectionLimits): boolean {
    if (!this.#isBusy) this.#answer(begin);
    else if (this.isLast) return true;
    else if (this.#waiting.length < pipelined) this.#waiting.push(begin);
    else return false;
    return true;
  }

  begin(exchange: HttpExchange, nowMs: number): void {
    this.current = exchange;
    this.#restart(nowMs);
  }

  /** The answer has been sent. */
  next(nowMs: number): void {
    this.current = undefined;
    this.#isBusy = false;
    this.#answered++;
    this.#restart(nowMs);
    if (this.isLast) this.forget();
    const begin = this.#waiting.shift();
    if (begin) this.#answer(begin);
  }

  /** Closes it at once. */
  cut(): void {
    if (this.current) this.current.abort();
    this.socket.destroy();
  }

  /** Its client has gone. */
  forget(): void {
    this.#waiting.length = 0;
  }

  /** Whether to close it, and why. */
  judge(nowMs: number, { headerMs, keepAliveMs, idleMs, minBytesPerSecond }: ConnectionLimits): Verdict | undefined {
    const elapsedMs = nowMs - this.#sinceMs;
    if (!this.#isBusy) {
      if (this.#answered === 0) return elapsedMs > headerMs ? 'too-slow' : undefined;
      return elapsedMs > keepAliveMs ? 'idle' : undefined;
    }
    // A client that waits for us is not slow.
    if (this.socket.writableLength === 0) this.#restart(nowMs);
    else if (elapsedMs >= idleMs) {
      const taken = this.#taken - this.#sent;
      if (taken * 1000 < minBytesPerSecond * elapsedMs) return 'too-slow';
      this.#restart(nowMs);
    }
    return undefined;
  }

  get #taken(): number {
    return this.socket.bytesWritten - this.socket.writableLength;
  }

  #answer(begin: () => void): void {
    this.#isBusy = true;
    begin();
  }

  #restart(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#sent = this.#taken;
  }
}
