/**
 * The name that a request line asks for (RFC 9112 §3.2). What it means is found out as for TFTP: here it becomes text only.
 */

/**
 * `/boot//grub.cfg?x` asks for `boot//grub.cfg`. `undefined` if the target cannot be read: the answer is 400.
 *
 * A slash at the end, and two in a row, are left as they are: they are harmless in a name, and firmware follows no redirect. `%2F` is
 * a slash, as the name is that of a file.
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
