/**
 * An error as it stands in a line of the log.
 */

import { errorText, ownFrames, ownPlace } from '../base/error-text.ts';
import { formatPlace } from '../base/issue.ts';
import { PluginError } from '../plugin/error.ts';

/**
 * What went wrong down to the cause, once, and where in the user's own files. Only where that is not known is there a whole stack,
 * for a bug report; what the operating system refuses needs none.
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

/** Where it all began, as far as that has a stack. */
function rootOf(error: Error): Error {
  const { cause } = error;
  return cause instanceof Error && cause.stack !== undefined ? cause : error;
}
