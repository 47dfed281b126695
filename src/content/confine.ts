/**
 * Checks whether a path is inside a folder. Both must be real paths, with links already resolved by the operating system.
 */
import { sep } from 'node:path';

/** Whether `path` is below `folder`, not the folder itself. `/srv/ROOT-secret` is not below `/srv/ROOT`. */
export function isBeneath(folder: string, path: string): boolean {
  const prefix = prefixOf(folder);
  return path.startsWith(prefix) && path.length > prefix.length;
}

/** The relative name of a path below the folder, with `/` on every system. */
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
