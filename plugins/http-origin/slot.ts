/**
 * Names in the cache folder: where a URL and its versions stand. Pure.
 */
import { hash, type Version } from './version.ts';

/** Where a URL stands in the folder. */
export interface Slot {
  readonly url: string;
  readonly key: string;
  /** The end of the name of a copy, for people who look into the folder. */
  readonly label: string;
}

export function slotOf(url: URL): Slot {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  return { url: url.href, key: hash(url.href), label: last.replace(/%[0-9a-f]{2}|[^\w.-]/gi, '_').slice(0, 64) };
}

/** Every name that the cache folder gives, and in it the key. Others are let alone. */
export const OURS = /^([0-9a-f]{32})\.(json|part\.json|[0-9a-f]{16}[-.].*|[0-9a-f-]{36}\.tmp|part\.[0-9a-f-]{36}\.tmp)$/;

export function copyFile({ key, label }: Slot, { id }: Version): string {
  return `${key}.${id}-${label}`;
}

export function partFile({ key }: Slot, { id }: Version): string {
  return `${key}.${id}.part`;
}
