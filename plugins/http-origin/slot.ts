/**
 * File names in the cache folder for a URL and its versions. Pure.
 */
import { hash, type Version } from './version.ts';

/** The file names of a URL in the folder. */
export interface Slot {
  readonly url: string;
  readonly key: string;
  /** The readable end of a copy's name, for administrators. */
  readonly label: string;
}

export function slotOf(url: URL): Slot {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  return { url: url.href, key: hash(url.href), label: last.replace(/%[0-9a-f]{2}|[^\w.-]/gi, '_').slice(0, 64) };
}

/** Matches the file names of the cache folder and captures the key. Other files are left alone. */
export const OURS = /^([0-9a-f]{32})\.(json|part\.json|[0-9a-f]{16}[-.].*|[0-9a-f-]{36}\.tmp|part\.[0-9a-f-]{36}\.tmp)$/;

export function copyFile({ key, label }: Slot, { id }: Version): string {
  return `${key}.${id}-${label}`;
}

export function partFile({ key }: Slot, { id }: Version): string {
  return `${key}.${id}.part`;
}
