/**
 * Whether a path lies under a folder. Both are real paths: with links resolved, by the operating system and not by this file.
 */
import { sep } from 'node:path';

/** Whether `path` lies below `folder`; the folder itself does not. `/srv/ROOT-secret` is not below `/srv/ROOT`. */
export function isBeneath(folder: string, path: string): boolean {
  const prefix = prefixOf(folder);
  return path.startsWith(prefix) && path.length > prefix.length;
}

/** A path that lies below the folder as a name under it, with `/` on every system. */
export function nameBeneath(folder: string, path: string): string {
  const name = path.slice(prefixOf(folder).length);
  return sep === '/' ? name : name.replaceAll(sep, '/');
}

/** The path of a clean name under the folder. */
export function pathBeneath(folder: string, name: string): string {
  return prefixOf(folder) + name;
}

function prefixOf(folder: string): string {
  return folder.endsWith(sep) ? folder : folder + sep;
}
