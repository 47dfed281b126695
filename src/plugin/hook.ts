/**
 * One call of one hook. A hook that answers at once costs no timer and no AbortController; one that answers later is held to its
 * time limit. What the answer means is not known here.
 */

import type { Clock } from '../content/clock.ts';
import type { Awaitable } from '../content/content.ts';
import { limit } from './limit.ts';
import type { Call, Folder, Log } from './types.ts';

export interface HookOptions<T> {
  readonly clock: Clock;
  /** Time limit. */
  readonly hookMs: number;
  readonly root: Folder;
  /** Makes the hook's log, should it want one. */
  log(): Log;
  /** The client has gone, or the server stops. */
  readonly signal?: AbortSignal | undefined;
  /** Gets what the plugin says about its answer. */
  readonly note?: (text: string) => void;
  /** Gets an answer that came too late, to close it. */
  late?(answer: T): void;
}

/** Calls a hook. Throws or rejects with what the hook threw, with an Error when its time is up, or with the reason of `signal`. */
export function callHook<T>(ask: (call: Call) => Awaitable<T>, options: HookOptions<T>): Awaitable<T> {
  options.signal?.throwIfAborted();
  const call = new HookCall(options);
  const answer = ask(call);
  if (!isThenable(answer)) return answer;
  return limit(answer, {
    clock: options.clock,
    ms: options.hookMs,
    signal: options.signal,
    gaveUp: (reason) => call.abort(reason),
    late: (value) => options.late?.(value),
  });
}

const unheard = (): void => undefined;

class HookCall implements Call {
  readonly root: Folder;
  readonly #makeLog: () => Log;
  readonly note: (text: string) => void;
  #log: Log | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(options: Pick<HookOptions<never>, 'root' | 'log' | 'note'>) {
    this.root = options.root;
    this.#makeLog = () => options.log();
    this.note = options.note ?? unheard;
  }

  get log(): Log {
    this.#log ??= this.#makeLog();
    return this.#log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }
}

function isThenable<T>(value: Awaitable<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
