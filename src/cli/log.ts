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

/** Writes to standard output without ever blocking on whoever reads it. */
export function createLog({ level, json }: LogOptions) {
  if (json || !process.stdout.isTTY) return pino({ level, base: null }, pino.destination({ fd: 1, sync: false }));
  const stream = pretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return pino({ level, base: null, formatters: { log: visibleFields }, serializers: { err: visibleError } }, stream);
}

/** A plugin may put a client's text into what it throws. */
function visibleError(error: Error): object {
  const { stack, ...fields } = pino.stdSerializers.err(error);
  return { ...visibleFields(fields), ...(typeof stack === 'string' ? { stack: visibleLines(stack) } : {}) };
}
