/**
 * The log: JSON lines for a pipe, readable ones for a terminal.
 */
import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { errorRecord } from './error-record.ts';
import { visibleFields } from './terminal.ts';

export interface LogOptions {
  readonly level: string;
  readonly json: boolean;
}

/** Takes finished lines, each with its end, and never throws. */
export interface LineSink {
  write(line: string): void;
}

export function createLog({ level, json }: LogOptions, sink: LineSink) {
  if (json || !process.stdout.isTTY) return pino({ level, base: null, serializers: { err: errorRecord } }, sink);
  const format = prettyFactory({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  const options = { level, base: null, formatters: { log: visibleFields }, serializers: { err: visibleError } };
  return pino(options, { write: (line) => sink.write(format(line) ?? '') });
}

/** A plugin may put a client's text into what it throws. */
function visibleError(error: unknown): unknown {
  const record = visibleFields(errorRecord(error)) as { message?: string; stack?: string };
  return { ...record, stack: `${record.message}\n${record.stack ?? ''}` };
}
