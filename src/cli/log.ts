/**
 * The log: JSON lines for a pipe, readable ones for a terminal.
 */
import { pino } from 'pino';
import pretty from 'pino-pretty';
import { visibleFields, visibleLines } from './terminal.ts';

export interface LogOptions {
  readonly level: string;
  readonly json: boolean;
}

/** A storm's lines are written together: so many bytes, or as many as come within so many milliseconds. */
const TOGETHER_BYTES = 4096;
const TOGETHER_MS = 20;

/** Writes to standard output without ever blocking on whoever reads it. */
export function createLog({ level, json }: LogOptions) {
  if (json || !process.stdout.isTTY) {
    const destination = { fd: 1, sync: false, minLength: TOGETHER_BYTES, periodicFlush: TOGETHER_MS };
    return pino({ level, base: null }, pino.destination(destination));
  }
  const stream = pretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return pino({ level, base: null, formatters: { log: visibleFields }, serializers: { err: visibleError } }, stream);
}

/** A plugin may put a client's text into what it throws. */
function visibleError(error: Error): object {
  const { stack, ...fields } = pino.stdSerializers.err(error);
  return { ...visibleFields(fields), ...(typeof stack === 'string' ? { stack: visibleLines(stack) } : {}) };
}
