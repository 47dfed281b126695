/**
 * The content or sink of one exchange. Calls of it run one after another, each with a time limit; it is closed once, after the last
 * call.
 */
import { type Awaitable, isLater } from '../base/awaitable.ts';
import type { Clock } from '../base/clock.ts';
import type { Content, Sink } from '../content/content.ts';

/** The purpose of a call. */
export type FeedCall = 'read' | 'write' | 'close';

/** Name of the plugin that provided the content or sink. */
export interface FeedOwner {
  readonly clock: Clock;
  /** Time limit of one call. */
  readonly callMs: number;
  /** Called when a call has failed or timed out. After a read or a write, no other call follows. */
  onFailure(error: unknown, call: FeedCall): void;
}

export class Feed {
  readonly content: Content | undefined;
  readonly sink: Sink | undefined;
  readonly #owner: FeedOwner;
  /** The calls in progress; `undefined` before the first one. */
  #work: Promise<void> | undefined;
  #closed = false;
  #failed = false;
  #committed = false;

  /** Exactly one of `content` and `sink` is set. */
  constructor(owner: FeedOwner, content: Content | undefined, sink: Sink | undefined) {
    this.#owner = owner;
    this.content = content;
    this.sink = sink;
  }

  /** Whether the results of calls are no longer wanted. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Runs after earlier calls, unless one of them has failed. */
  run(what: FeedCall, call: () => Promise<void>): void {
    this.#work = (this.#work ?? Promise.resolve()).then(async () => {
      if (this.#closed || this.#failed) return;
      try {
        await this.#limited(call());
      } catch (error) {
        // After a failure no other call is made, however long the exchange takes to end.
        this.#failed = true;
        this.#owner.onFailure(error, what);
      }
    });
  }

  /** Commits what was written; from here on the sink is not aborted. */
  async commit(): Promise<void> {
    this.#committed = true;
    await this.sink?.commit();
  }

  /** Closes the content or aborts an uncommitted sink, after the call in progress. Never rejects. */
  close(): Awaitable<void> {
    if (this.#closed) return;
    this.#closed = true;
    return this.#work ? this.#work.then(() => this.#giveBack()) : this.#giveBack();
  }

  #giveBack(): Awaitable<void> {
    const failed = (error: unknown): void => this.#owner.onFailure(error, 'close');
    try {
      const given = this.#committed ? undefined : (this.content?.close() ?? this.sink?.abort());
      if (isLater(given)) return this.#limited(given).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** A call that never settles must not keep the exchange and its resources forever. */
  #limited(call: PromiseLike<void>): Promise<void> {
    const { clock, callMs } = this.#owner;
    return new Promise((resolve, reject) => {
      const cancel = clock.setTimeout(() => reject(new Error(`no data within ${callMs} ms`)), callMs);
      Promise.resolve(call).then(resolve, reject).finally(cancel);
    });
  }
}
