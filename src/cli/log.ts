/**
 * The log: JSON lines for a pipe, readable ones for a terminal.
 */
import { pino } from 'pino';
import pretty from 'pino-pretty';
import { errorRecord } from './error-record.ts';
import { visibleFields } from './terminal.ts';

export interface LogOptions {
  readonly level: string;
  readonly json: boolean;
}

/** A storm's lines are written together: so many bytes, or as many as come within so many milliseconds. */
const TOGETHER_BYTES = 32_768;
const TOGETHER_MS = 20;

/** Writes to standard output without ever blocking on whoever reads it. */
export function createLog({ level, json }: LogOptions) {
  if (json || !process.stdout.isTTY) {
    const gathered = { minLength: TOGETHER_BYTES, maxWrite: 2 * TOGETHER_BYTES, periodicFlush: TOGETHER_MS };
    const destination = pino.destination({ fd: 1, sync: false, contentMode: 'buffer', ...gathered });
    // As bytes: a text that grows line by line is measured anew, whole, with each line.
    return pino(
      { level, base: null, serializers: { err: errorRecord } },
      { write: (line) => destination.write(Buffer.from(line) as unknown as string) },
    );
  }
  const stream = pretty({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l', singleLine: true });
  return pino({ level, base: null, formatters: { log: visibleFields }, serializers: { err: visibleError } }, stream);
}

/** A plugin may put a client's text into what it throws. */
function visibleError(error: unknown): unknown {
  const record = visibleFields(errorRecord(error)) as { message?: string; stack?: string };
  return { ...record, stack: `${record.message}\n${record.stack ?? ''}` };
}
