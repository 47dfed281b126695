/**
 * Releases what a plugin has created but is no longer needed, because it came too late or the client has gone.
 */

/** Closes content that will not be read. It may be any value, and failures cannot be reported to a caller any more. */
export function closeUnwanted(answer: unknown): void {
  giveBack(answer, 'close');
}

/** Aborts a sink that will not be written to. */
export function abortUnwanted(answer: unknown): void {
  giveBack(answer, 'abort');
}

function giveBack(answer: unknown, method: 'close' | 'abort'): void {
  const target = answer as Record<string, unknown> | undefined | null;
  if (typeof target !== 'object' || target === null || typeof target[method] !== 'function') return;
  (async () => (target[method] as () => unknown)())().catch(() => undefined);
}
