/**
 * Names of files as a config writes them.
 */
import { Refusal } from 'pxe';
import { cleanName } from 'pxe/kit';

/** A file's or a folder's name, perhaps with wildcards: on no platform's account, whose names may not hold them. */
export function isName(written: string): boolean {
  try {
    cleanName(written, 'any');
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/** How names are compared: as the root does, so that a key means a name in the spelling that `caseInsensitive` lets a client use. */
export function nameFold(caseInsensitive: boolean | undefined): (name: string) => string {
  return caseInsensitive ? (name) => name.toLowerCase() : (name) => name;
}
