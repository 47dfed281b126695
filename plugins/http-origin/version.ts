/**
 * What tells one version of a file at the origin from another: its validators (RFC 9110 §8.8) and its size.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export interface Version {
  /** Names the version in the cache folder. The same for two downloads only if their bytes are the same. */
  readonly id: string;
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Bytes in all; `undefined` where the origin does not say. */
  readonly size?: number | undefined;
  /** What `If-Range` is given to go on with exactly this version; without it a broken download begins again. */
  readonly ifRange?: string | undefined;
}

export function versionOf(headers: IncomingHttpHeaders, size: number | undefined): Version {
  const { etag, date, 'last-modified': lastModified } = headers;
  const ifRange = strong(etag) ? etag : isSettled(lastModified, date) ? lastModified : undefined;
  const id = ifRange === undefined ? randomUUID().replaceAll('-', '') : hash(JSON.stringify([etag, lastModified, size]));
  return { id: id.slice(0, 16), etag, lastModified, size, ifRange };
}

/** Whether an answer is about that version. One that says nothing is taken at its status: 206 means that `If-Range` held. */
export function isOf(version: Version, { status, headers }: { readonly status: number; readonly headers: IncomingHttpHeaders }) {
  if (version.ifRange === undefined) return false;
  const found = version.ifRange === version.etag ? headers.etag : headers['last-modified'];
  return found === version.ifRange || (found === undefined && status === 206);
}

/** Asks for the file only if it is another version. */
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

/** A date counts seconds: the file may have changed twice in the last one (RFC 9110 §8.8.2.2). */
function isSettled(lastModified: string | undefined, date: string | undefined): boolean {
  return lastModified !== undefined && date !== undefined && Date.parse(date) - Date.parse(lastModified) >= 1000;
}
