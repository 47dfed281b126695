/**
 * Describes an error thrown by the user's code: the messages down to the root cause, and the line of the user's file that it
 * came from. The stack itself is never shown: users need the first line of their own, not this program's frames.
 */
import { fileURLToPath } from 'node:url';
import { formatPlace, type Place } from './issue.ts';

/** Query parameter that marks the modules of one config load: `pxe.config.ts?generation=1.7`. */
export const GENERATION_PARAMETER = 'generation';

/** Maximum depth of causes that are included: a chain may be circular. */
const MAX_CAUSES = 5;

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:80`: the message, then each cause that adds something. */
export function errorText(error: unknown): string {
  const parts = [messageOf(error)];
  let current = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; current !== undefined && depth < MAX_CAUSES; depth++) {
    const text = messageOf(current);
    if (!parts.some((part) => part.includes(text))) parts.push(text);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(': ');
}

/** The first stack frame in one of the user's files, of the error or its causes; `undefined` if there is none. */
export function ownPlace(error: unknown): Place | undefined {
  let current = error;
  for (let depth = 0; current instanceof Error && depth <= MAX_CAUSES; depth++) {
    const found = OWN_FRAME.exec(current.stack ?? '');
    if (found) return { file: fileURLToPath(found[1]!), line: Number(found[2]), column: Number(found[3]) };
    current = current.cause;
  }
  return undefined;
}

/** The stack frames in the user's files, such as `greet (/lab/greeting.ts:7:45)`. */
export function ownFrames(error: Error): readonly string[] {
  return (error.stack ?? '').split('\n').flatMap((line) => {
    const found = OWN_FRAME.exec(line);
    if (!found) return [];
    const name = /^\s*at (?:async )?([^(]+) \(/.exec(line)?.[1];
    const place = formatPlace({ file: fileURLToPath(found[1]!), line: Number(found[2]), column: Number(found[3]) });
    return [name === undefined ? place : `${name} (${place})`];
  });
}

const OWN_FRAME = new RegExp(`(file://[^\\s?()]+)\\?${GENERATION_PARAMETER}=[^\\s:)]*:(\\d+):(\\d+)`);

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === 'string' ? error : `threw ${describeValue(error)}`;
  // Node tries every address of a name and collects the failures in an AggregateError without a message.
  const each = error instanceof AggregateError && error.message === '' ? error.errors.map(messageOf) : [];
  const { code } = error as { code?: unknown };
  return [...new Set(each)].join(', ') || error.message || (typeof code === 'string' ? code : error.name);
}

function describeValue(value: unknown): string {
  return typeof value === 'object' ? 'an object that is not an Error' : String(value);
}
