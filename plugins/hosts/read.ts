/**
 * What comes of reading a data file.
 */
import type { Issue } from 'pxe';
import type { Inventory } from './inventory.ts';

/** What was read, as far as it is right. */
export interface Read {
  readonly inventory: Inventory;
  readonly issues: readonly Issue[];
}

/** Of a file that cannot be read as a whole. */
export function failed(file: string, message: string, hint?: string, line = 1, column?: number): Read {
  return { inventory: { hosts: [], groups: [] }, issues: [{ path: [], place: { file, line, column }, message, hint }] };
}
