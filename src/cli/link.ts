/**
 * Symbolic links under the root that lead nowhere, or out of it: why a file that is plainly in the folder is not served.
 */
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isBeneath } from '../content/confine.ts';

/** `broken`: nothing is where the link points. `outside`: it leads out of the root. */
export interface LinkFault {
  readonly kind: 'broken' | 'outside';
  /** As the link has it. */
  readonly target: string;
}

/** What is wrong with a link; `undefined` if nothing is, or if that cannot be found out. */
export function linkFault(root: string, path: string): LinkFault | undefined {
  try {
    const target = readlinkSync(path);
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return { kind: 'broken', target };
    const base = realpathSync(root);
    const real = realpathSync(path);
    return real === base || isBeneath(base, real) ? undefined : { kind: 'outside', target };
  } catch (error) {
    // A link that leads to itself.
    return (error as NodeJS.ErrnoException).code === 'ELOOP' ? { kind: 'broken', target: readlinkSync(path) } : undefined;
  }
}

/** The first part of a name that is a faulty link: `os/current` of `os/current/vmlinuz`. */
export function faultyPart(root: string, name: string): (LinkFault & { readonly name: string }) | undefined {
  const parts = name.split('/').filter((part) => part !== '');
  for (const count of parts.keys()) {
    const part = parts.slice(0, count + 1).join('/');
    const path = join(root, part);
    try {
      if (!lstatSync(path).isSymbolicLink()) continue;
    } catch {
      return undefined;
    }
    const fault = linkFault(root, path);
    if (fault) return { ...fault, name: part };
  }
  return undefined;
}
