/**
 * The version of a file at the origin: its validators (RFC 9110 §8.8) and its size.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Version {
  /** Name of the version in the cache folder. Two downloads have the same name only if their bytes are the same. */
  readonly id: string;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Total bytes; `undefined` if the origin does not say. */
  readonly size?: number | undefined;
  /** Value of `If-Range` that resumes exactly this version; without it a broken download starts over. */
  readonly ifRange?: string | undefined;
}

export function versionOf(headers: IncomingHttpHeaders, size: number | undefined): Version {
  const { etag, date, 'last-modified': lastModified } = headers;
  const ifRange = strong(etag) ? etag : isSettled(lastModified, date) ? lastModified : undefined;
  const id = ifRange === undefined ? randomUUID().replaceAll('-', '') : hash(JSON.stringify([etag, lastModified, size]));
  return { id: id.slice(0, 16), etag, lastModified, size, ifRange };
}

/** Whether a response is about that version. Without validators its status decides: 206 means that `If-Range` matched. */
export function isOf(version: Version, { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders }) {
  if (version.ifRange === undefined) return false;
  const found = version.ifRange === version.etag ? headers.etag : headers['last-modified'];
  return found === version.ifRange || (found === undefined && status === 206);
}

/** Headers that request the file only if its version differs. */
export function unlessIs({ etag, lastModified }: Version): Record<string, string> {
  if (etag !== undefined) return { 'if-none-match': etag };
  return lastModified === undefined ? {} : { 'if-modified-since': lastModified };
}

/** 128 bits in hex. */
export function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function strong(etag: string | undefined): boolean {
  return etag?.startsWith('"') === true;
}

/** A date has a resolution of one second: the file may have changed twice within the last one (RFC 9110 §8.8.2.2). */
function isSettled(lastModified: string | undefined, date: string | undefined): boolean {
  return lastModified !== undefined && date !== undefined && Date.parse(date) - Date.parse(lastModified) >= 1000;
}
