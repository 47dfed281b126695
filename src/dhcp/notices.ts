/**
 * Lines that are worth reading once. What repeats with each request is counted, and must not fill the log; memory is bounded.
 */
import type { Log } from '../base/log.ts';

/** A config or a network that causes more has one fault, not many. */
const MOST = 256;

export class Notices {
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param about tells this notice from others with the same message: a machine, a relay */
  warn(fields: object, message: string, about = ''): void {
    const key = `${message} ${about}`;
    if (this.#told.has(key) || this.#told.size >= MOST) return;
    this.#told.add(key);
    this.#log.warn(fields, message);
  }

  /** Another config is in force: what it causes is told anew. */
  forget(): void {
    this.#told.clear();
  }
}
