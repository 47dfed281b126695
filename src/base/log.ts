/**
 * The log interface that all parts write to.
 */

/** Structured log, compatible with pino's loggers. Text from a client goes into a field, never into the message. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: object): Log;
}

/** A log that adds fields to every line. Each transfer makes one, so it costs nothing until it writes. */
export function boundLog(log: Log, bindings: object): Log {
  return log instanceof BoundLog ? log.child(bindings) : new BoundLog(log, bindings);
}

class BoundLog implements Log {
  readonly bindings: object;
  readonly #log: Log;

  constructor(log: Log, bindings: object) {
    this.#log = log;
    this.bindings = bindings;
  }

  debug(fields: object, message: string): void {
    this.#log.debug({ ...this.bindings, ...fields }, message);
  }

  info(fields: object, message: string): void {
    this.#log.info({ ...this.bindings, ...fields }, message);
  }

  warn(fields: object, message: string): void {
    this.#log.warn({ ...this.bindings, ...fields }, message);
  }

  error(fields: object, message: string): void {
    this.#log.error({ ...this.bindings, ...fields }, message);
  }

  child(bindings: object): Log {
    return new BoundLog(this.#log, { ...this.bindings, ...bindings });
  }
}
