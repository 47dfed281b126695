/**
 * Symbolic links under the root that are broken or lead out of it, which explain why a visible file is not served.
 */
import { lstatSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isBeneath } from '../content/confine.ts';

/** `broken`: the target does not exist. `outside`: the target is outside the root. */
export interface LinkFault {
  readonly kind: 'broken' | 'outside';
  /** As written in the link. */
  readonly target: string;
}

/** The fault of a link; `undefined` if there is none or it cannot be determined. */
export function linkFault(root: string, path: string): LinkFault | undefined {
  try {
    const target = readlinkSync(path);
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return { kind: 'broken', target };
    const base = realpathSync(root);
    const real = realpathSync(path);
    return real === base || isBeneath(base, real) ? undefined : { kind: 'outside', target };
  } catch (error) {
    // A link to itself.
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
