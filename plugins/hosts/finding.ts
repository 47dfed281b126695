/**
 * A finding of `pxe check` about one entry of a config or a data file, with its place.
 */
import type { Finding } from 'pxe';
import type { ClientFacts } from './fill.ts';
import type { Origin } from './inventory.ts';
import type { GroupEntry } from './options.ts';

export interface Assignment extends Origin {
  readonly entry: GroupEntry;
  /** The facts known for certain about each client that gets the entry. */
  readonly facts?: ClientFacts;
}

export function finding(
  severity: Finding['severity'],
  { path, place }: Origin,
  message: string,
  ...more: readonly PropertyKey[]
): Finding {
  return { severity, path: [...path, ...more], message, ...(place === undefined ? {} : { file: place.file, line: place.line }) };
}
