/**
 * Formats a log line by a single `JSON.stringify`: a storm logs two lines for each transfer, and pino composes them field by
 * field. The result is the same.
 */
import { type Logger, pino } from 'pino';

type AsJson = (this: Logger, fields: object, message: string | undefined, level: number, time: string) => string;

const { asJsonSym, chindingsSym } = pino.symbols;

/**
 * Formats lines of this logger and its children. Lines with an error, or with values that JSON cannot express, are left to pino.
 */
export function writeQuickly(log: Logger): Logger {
  const slowly = Reflect.get(log, asJsonSym) as AsJson;
  const quickly: AsJson = function (fields, message, level, time) {
    const body = 'err' in fields ? undefined : bodyOf(fields);
    if (body === undefined) return slowly.call(this, fields, message, level, time);
    const bindings = Reflect.get(this, chindingsSym) as string;
    const members = body === '{}' ? '' : `,${body.slice(1, -1)}`;
    const text = message === undefined ? '' : `,"msg":${JSON.stringify(message)}`;
    return `{"level":${level}${time}${bindings}${members}${text}}\n`;
  };
  Object.defineProperty(log, asJsonSym, { value: quickly });
  return log;
}

function bodyOf(fields: object): string | undefined {
  try {
    return JSON.stringify(fields);
  } catch {
    return undefined;
  }
}
