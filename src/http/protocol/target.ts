/**
 * Extracts the requested name from a request target (RFC 9112 §3.2). As for TFTP, the name is interpreted elsewhere.
 */

/**
 * `/boot//grub.cfg?x` yields `boot//grub.cfg`. `undefined` if the target is malformed: answer 400.
 *
 * Trailing and repeated slashes are kept: they are harmless in a name, and firmware follows no redirects. `%2F` is a slash,
 * since the name is a file's.
 */
export function nameOf(target: string): string | undefined {
  const path =
    /^https?:\/\/[^/?#]*([^?#]*)/i.exec(target)?.[1] ?? (target.startsWith('/') ? target.replace(/[?#].*$/s, '') : undefined);
  if (path === undefined) return undefined;
  try {
    return decodeURIComponent(path).replace(/^\//, '');
  } catch {
    return undefined;
  }
}
