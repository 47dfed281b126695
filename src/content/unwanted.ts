/**
 * Gives back what a plugin has made and nobody will use: it came too late, or the client has gone.
 */

/** Closes what nobody will read. It may be anything a plugin has made up, and there is nobody left to tell of a failure. */
export function closeUnwanted(answer: unknown): void {
  giveBack(answer, 'close');
}

/** Aborts a sink that nobody will write to. */
export function abortUnwanted(answer: unknown): void {
  giveBack(answer, 'abort');
}

function giveBack(answer: unknown, method: 'close' | 'abort'): void {
  const target = answer as Record<string, unknown> | undefined | null;
  if (typeof target !== 'object' || target === null || typeof target[method] !== 'function') return;
  (async () => (target[method] as () => unknown)())().catch(() => undefined);
}
