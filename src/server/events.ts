/**
 * The events of a server.
 */
import { EventEmitter } from 'node:events';
import type { Log } from '../base/log.ts';
import type { ExchangeInfo, ExchangeSummary } from '../plugin/types.ts';
import type { LocalAddress } from '../service/service.ts';
import type { Reloaded } from './reloaded.ts';

/** The events of a server, in addition to its log. A listener that throws is logged and has no other effect. */
export interface ServerEvents {
  /** An address is listened on. */
  listening: [address: LocalAddress];
  /** A request has its answer. */
  start: [exchange: ExchangeInfo];
  /** A request has ended or was refused. */
  end: [exchange: ExchangeSummary];
  /** Another config is in force. */
  reload: [reload: Reloaded];
  /** A reload has failed; the current config stays in force. */
  reloadFailed: [error: unknown];
  /** The last lease of a replaced generation was released, and its plugins are disposed of. */
  drained: [generation: number];
}

export type Listener<Name extends keyof ServerEvents> = (...args: ServerEvents[Name]) => void;

export class Events {
  readonly #log: Log;
  readonly #emitter = new EventEmitter<ServerEvents>();

  constructor(log: Log) {
    this.#log = log;
  }

  on<Name extends keyof ServerEvents>(event: Name, listener: Listener<Name>): void {
    // @ts-expect-error -- EventEmitter's own types do not carry a generic event name through
    this.#emitter.on(event, listener);
  }

  off<Name extends keyof ServerEvents>(event: Name, listener: Listener<Name>): void {
    // @ts-expect-error -- see `on`
    this.#emitter.off(event, listener);
  }

  /** Calls each listener separately: one that throws or rejects does not affect the others. */
  emit<Name extends keyof ServerEvents>(event: Name, ...args: ServerEvents[Name]): void {
    if (this.#emitter.listenerCount(event) === 0) return;
    const failed = (error: unknown) => this.#log.error({ err: error, event }, 'an event listener of the server failed');
    for (const listener of this.#emitter.listeners(event) as ((...args: ServerEvents[Name]) => unknown)[]) {
      try {
        Promise.resolve(listener(...args)).catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}
