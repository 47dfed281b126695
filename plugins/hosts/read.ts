/**
 * What comes of reading a data file. Plain data, so that it can come from another thread.
 */
import type { Issue } from 'pxe';
import type { Inventory } from './inventory.ts';

/** What was read, as far as it is right. */
export interface Read {
  readonly inventory: Inventory;
  readonly issues: readonly Issue[];
  /** What is not wrong, but perhaps not as it was meant. */
  readonly warnings: readonly Issue[];
  /** What the columns of a table are called. */
  readonly headers?: readonly string[];
}

/** Of a file that cannot be read as a whole. Without `line` the file itself is at fault. */
export function failed(file: string, message: string, hint?: string, line = 1, column?: number): Read {
  return notRead([{ path: [], place: { file, line, column }, message, hint }]);
}

export function notRead(issues: readonly Issue[]): Read {
  return { inventory: { hosts: [], groups: [] }, issues, warnings: [] };
}
