/**
 * An error as written into a log line.
 */

import { errorText, ownFrames, ownPlace } from '../base/error-text.ts';
import { formatPlace } from '../base/issue.ts';
import { PluginError } from '../plugin/error.ts';

/**
 * The chain of causes, each once, and the place in the user's files. A whole stack is included only if that place is unknown, for
 * a bug report; errors of the operating system need none.
 */
export function errorRecord(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  const place = ownPlace(error);
  const root = rootOf(error);
  const stack = place ? ownFrames(root).map((frame) => `at ${frame}`) : [...(root.stack?.split('\n').slice(1) ?? [])];
  return {
    type: error.name,
    message: error instanceof PluginError ? error.problem : errorText(error),
    ...(error instanceof PluginError ? { plugin: error.plugin, hook: error.hook } : {}),
    ...(code === undefined ? {} : { code }),
    ...(place ? { at: formatPlace(place) } : {}),
    ...(syscall !== undefined || stack.length === 0 ? {} : { stack: stack.map((line) => line.trim()).join('\n') }),
  };
}

/** The innermost cause with a stack. */
function rootOf(error: Error): Error {
  const { cause } = error;
  return cause instanceof Error && cause.stack !== undefined ? cause : error;
}
