/**
 * What boot scripts of every kind have in common: they name files.
 */
export type FileRole = 'loader' | 'script' | 'config' | 'kernel' | 'initrd' | 'image';

/** A file that a script names. */
export interface NamedFile {
  readonly role: FileRole;
  /** As the script has it, with its variables filled in as far as they are known. */
  readonly name: string;
  /** Counts from 1. */
  readonly line: number;
  /** The menu entry that it stands under. */
  readonly entry?: string;
}

/** A script that is made of variables and of little else names nothing that can be looked for. */
export function isKnown(name: string): boolean {
  return name !== '' && !name.includes('$');
}
