/**
 * One call of one hook. A hook that answers synchronously costs neither timer nor AbortController; a promise is subject to the
 * time limit. It does not interpret the answer.
 */

import type { Signal } from '../base/abort.ts';
import { type Awaitable, isLater } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import { limit } from '../base/limit.ts';
import type { Log } from '../base/log.ts';
import type { PluginCounters } from '../stats/stats.ts';
import type { Call, Folder, IdentitySource } from './types.ts';

export interface HookOptions<T> {
  readonly clock: Clock;
  /** Time limit. */
  readonly hookMs: number;
  readonly root: Folder;
  /** {@link Call.sources} */
  readonly sources?: (() => readonly IdentitySource[]) | undefined;
  /** Counters for the call's duration. */
  readonly counters?: Pick<PluginCounters, 'observe'> | undefined;
  /** Makes the hook's log on demand. */
  log(): Log;
  /** Aborted when the client has gone or the server stops. */
  readonly signal?: Signal | undefined;
  /** Stores the plugin's note about its answer. */
  readonly notes?: { note?: string } | undefined;
  /** Closes an answer that came too late. */
  readonly discard?: ((answer: T) => void) | undefined;
}

/**
 * Calls a hook. Throws or rejects with what the hook threw, with an Error after the time limit, or with the reason of `signal`.
 */
export function callHook<T>(ask: (call: Call) => Awaitable<T>, options: HookOptions<T>): Awaitable<T> {
  options.signal?.throwIfAborted();
  const { clock, counters } = options;
  const call = new HookCall(options);
  const began = clock.now();
  const count = () => counters?.observe('hook-seconds', (clock.now() - began) / 1000);
  let answer: Awaitable<T>;
  try {
    answer = ask(call);
  } catch (error) {
    count();
    throw error;
  }
  if (!isLater(answer)) {
    count();
    return answer;
  }
  return limit(answer, {
    clock,
    ms: options.hookMs,
    signal: options.signal,
    onGiveUp: (reason) => call.abort(reason),
    onLate: (value) => options.discard?.(value),
  }).finally(count);
}

/** Makes each property on demand, because most hooks use none. */
class HookCall implements Call {
  readonly #options: Pick<HookOptions<never>, 'root' | 'sources' | 'log' | 'notes'>;
  #log: Log | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(options: Pick<HookOptions<never>, 'root' | 'sources' | 'log' | 'notes'>) {
    this.#options = options;
  }

  get root(): Folder {
    return this.#options.root;
  }

  get log(): Log {
    this.#log ??= this.#options.log();
    return this.#log;
  }

  get sources(): readonly IdentitySource[] {
    return this.#options.sources?.() ?? [];
  }

  get note(): (text: string) => void {
    const { notes = {} } = this.#options;
    return (text) => {
      notes.note = text;
    };
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
