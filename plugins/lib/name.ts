/**
 * File names in a config.
 */
import { Refusal } from 'pxe';
import { cleanName } from 'pxe/kit';

/** A file or folder name, perhaps with wildcards, which are valid here even on platforms whose file names cannot contain them. */
export function isName(written: string): boolean {
  try {
    cleanName(written, 'any');
    return true;
  } catch (error) {
    if (error instanceof Refusal) return false;
    throw error;
  }
}

/**
 * Maps a name to the form in which names are compared. It follows the root, so that with `caseInsensitive` a key matches every
 * spelling.
 */
export function nameFold(caseInsensitive: boolean | undefined): (name: string) => string {
  return caseInsensitive ? (name) => name.toLowerCase() : (name) => name;
}
