/**
 * Warnings that are logged once, although their cause comes back with each request or each look at the interfaces. Memory is bounded.
 */
import type { Log } from '../base/log.ts';

/** A config or a network that causes more has one fault, not many. */
const MOST = 256;

export class Notices {
  readonly #log: Log;
  readonly #logged = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * @param fields a function where they cost something to find out
   * @param about distinguishes warnings with the same message: a machine, a relay
   */
  warn(fields: object | (() => object), message: string, about = ''): void {
    const key = `${message} ${about}`;
    if (this.#logged.has(key) || this.#logged.size >= MOST) return;
    this.#logged.add(key);
    this.#log.warn(typeof fields === 'function' ? fields() : fields, message);
  }

  /** A new config is in force: whatever it causes is logged again. */
  forget(): void {
    this.#logged.clear();
  }
}
