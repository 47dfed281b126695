/**
 * An error of a user's code in words: what went wrong, down to the cause, and the line of the user's own that it came from.
 * The stack is read, never shown: whose config it is needs the first line of their own, and no frame of this program.
 */
import { fileURLToPath } from 'node:url';
import { formatPlace, type Place } from './issue.ts';

/** Marks the modules of one load of a config in their URLs: `pxe.config.ts?generation=1.7`. */
export const GENERATION_PARAMETER = 'generation';

/** Causes of causes that are told; a chain may be a ring. */
const MAX_CAUSES = 5;

/** `fetch failed: connect ECONNREFUSED 127.0.0.1:80`: the message, then each cause that says something new. */
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

/** The first line of the user's own files in the stack of an error or of its causes; `undefined` if there is none. */
export function ownPlace(error: unknown): Place | undefined {
  let current = error;
  for (let depth = 0; current instanceof Error && depth <= MAX_CAUSES; depth++) {
    const found = OWN_FRAME.exec(current.stack ?? '');
    if (found) return { file: fileURLToPath(found[1]!), line: Number(found[2]), column: Number(found[3]) };
    current = current.cause;
  }
  return undefined;
}

/** Lines of a stack that are the user's own, as `greet (/lab/greeting.ts:7:45)`. */
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
  // Node tries every address of a name, and puts what became of each into an error that says nothing itself.
  const each = error instanceof AggregateError && error.message === '' ? error.errors.map(messageOf) : [];
  const { code } = error as { code?: unknown };
  return [...new Set(each)].join(', ') || error.message || (typeof code === 'string' ? code : error.name);
}

function describeValue(value: unknown): string {
  return typeof value === 'object' ? 'an object that is not an Error' : String(value);
}
