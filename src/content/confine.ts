/**
 * Whether a path lies under a folder. Both are real paths: with links resolved, by the operating system and not by this file.
 */
import { relative, sep } from 'node:path';

/** Whether `path` lies below `folder`; the folder itself does not. `/srv/ROOT-secret` is not below `/srv/ROOT`. */
export function isBeneath(folder: string, path: string): boolean {
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  return path.startsWith(prefix) && path.length > prefix.length;
}

/** The path as a name under the folder, with `/` on every system. */
export function nameBeneath(folder: string, path: string): string {
  const name = relative(folder, path);
  return sep === '/' ? name : name.replaceAll(sep, '/');
}
