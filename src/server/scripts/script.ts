/**
 * What all kinds of boot scripts have in common: the files that they name.
 */
export type FileRole = 'loader' | 'script' | 'config' | 'kernel' | 'initrd' | 'image';

/** A file that a script names. */
export interface NamedFile {
  readonly role: FileRole;
  /** As written in the script, with known variables filled in. */
  readonly name: string;
  /** Counts from 1. */
  readonly line: number;
  /** The menu entry that contains it. */
  readonly entry?: string;
}

/** Whether a name can be looked up: it is not empty and has no unknown variables. */
export function isKnown(name: string): boolean {
  return name !== '' && !name.includes('$');
}
