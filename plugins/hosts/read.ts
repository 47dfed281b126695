/**
 * The result of reading a data file. It is plain data, so that another thread can send it.
 */
import type { Issue } from 'pxe';
import type { Inventory } from './inventory.ts';

/** The valid entries. */
export interface Read {
  readonly inventory: Inventory;
  readonly issues: readonly Issue[];
  /** Entries that are valid but perhaps not intended. */
  readonly warnings: readonly Issue[];
  /** The headers of a table. */
  readonly headers?: readonly string[];
}

/** The error of a file that cannot be read at all. Without `line`, it concerns the whole file. */
export function failed(file: string, message: string, hint?: string, line = 1, column?: number): Read {
  return notRead([{ path: [], place: { file, line, column }, message, hint }]);
}

export function notRead(issues: readonly Issue[]): Read {
  return { inventory: { hosts: [], groups: [] }, issues, warnings: [] };
}
