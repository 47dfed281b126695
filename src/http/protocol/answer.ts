/**
 * Decides how to answer a request for a representation (RFC 9110): conditions, ranges and response headers. Pure: it sends
 * nothing and reads no files.
 *
 * The clients are firmware. It supports neither redirects nor chunked encoding, compares header names case-sensitively (GRUB,
 * U-Boot), resumes by Range with If-Match or If-Unmodified-Since (EDK2), and requests many ranges over one connection (iPXE).
 */
import { contentType } from './content-type.ts';

/** The representation under a name. */
export interface Representation {
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** Changes whenever the bytes do; quoted here. Without it, the answer has no ETag. */
  readonly version?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly modifiedMs?: number | undefined;
}

/** Header names in lower case, as Node has them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * The response: headers in this spelling and order, and the bytes from `start` to `end` (exclusive) unless there is no body. An
 * error response needs a text body: shim waits forever for an empty one.
 */
export interface Answer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: { readonly start: number; readonly end: number } | undefined;
}

/** @param method `GET` or `HEAD` */
export function answerFor(method: string, headers: RequestHeaders, what: Representation): Answer {
  const etag = what.version === undefined ? undefined : `"${what.version}"`;
  const about = validators(etag, what.modifiedMs);
  switch (precondition(headers, etag, what.modifiedMs)) {
    case 'failed':
      return { status: 412, headers: about, body: undefined };
    case 'not modified':
      // No Content-Length: some clients would wait for that many bytes.
      return { status: 304, headers: about, body: undefined };
    case 'holds':
  }
  const described = [['Content-Type', contentType(what.name)] as const, ...about, ['Accept-Ranges', 'bytes'] as const];
  // A Range header has no meaning for HEAD (RFC 9110 §14.2).
  const range = method === 'GET' && mayHaveRange(headers, etag, what.modifiedMs) ? rangeOf(headers.range, what.size) : undefined;
  if (range === 'unsatisfiable') {
    return { status: 416, headers: [...about, ['Content-Range', `bytes */${what.size}`]], body: undefined };
  }
  const { start, end } = range ?? { start: 0, end: what.size };
  const length = ['Content-Length', String(end - start)] as const;
  const body = method === 'HEAD' ? undefined : { start, end };
  if (range === undefined) return { status: 200, headers: [length, ...described], body };
  return { status: 206, headers: [length, ['Content-Range', `bytes ${start}-${end - 1}/${what.size}`], ...described], body };
}

/** Formats a date for HTTP (RFC 9110 §5.6.7), which has no milliseconds. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

function validators(etag: string | undefined, modifiedMs: number | undefined): readonly (readonly [string, string])[] {
  const tag = etag === undefined ? [] : [['ETag', etag] as const];
  return modifiedMs === undefined ? tag : [...tag, ['Last-Modified', httpDate(modifiedMs)] as const];
}

/** In the order of RFC 9110 §13.2.2: a condition by ETag takes precedence over the one by date. */
function precondition(
  headers: RequestHeaders,
  etag: string | undefined,
  modifiedMs: number | undefined,
): 'holds' | 'failed' | 'not modified' {
  const { 'if-match': match, 'if-none-match': noneMatch } = headers;
  if (match !== undefined) {
    if (!listsTag(match, etag, false)) return 'failed';
  } else if (isNewer(modifiedMs, headers['if-unmodified-since'])) return 'failed';
  if (noneMatch !== undefined) return listsTag(noneMatch, etag, true) ? 'not modified' : 'holds';
  const since = dateOf(headers['if-modified-since']);
  return since !== undefined && modifiedMs !== undefined && seconds(modifiedMs) <= seconds(since) ? 'not modified' : 'holds';
}

/** If-Range: the range applies only to the version that the client has part of (RFC 9110 §13.1.5). */
function mayHaveRange(headers: RequestHeaders, etag: string | undefined, modifiedMs: number | undefined): boolean {
  const condition = single(headers['if-range']);
  if (condition === undefined) return true;
  if (condition.startsWith('"') || condition.startsWith('W/')) return condition === etag;
  const date = dateOf(condition);
  return date !== undefined && modifiedMs !== undefined && seconds(date) === seconds(modifiedMs);
}

/**
 * Parses a single range. `undefined` means the whole representation: for an invalid header, another unit, or several ranges,
 * which firmware does not request.
 */
function rangeOf(
  header: string | readonly string[] | undefined,
  size: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const found = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(single(header) ?? '');
  if (!found) return undefined;
  const [, first, last] = found as unknown as [string, string, string];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

/** @param weakly whether `W/"x"` matches `"x"` */
function listsTag(header: string | readonly string[], etag: string | undefined, weakly: boolean): boolean {
  const list = typeof header === 'string' ? header : header.join(',');
  if (list.trim() === '*') return true;
  const tags = list.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return etag !== undefined && tags.some((tag) => (weakly ? tag.replace(/^W\//, '') : tag) === etag);
}

function isNewer(modifiedMs: number | undefined, header: string | readonly string[] | undefined): boolean {
  const date = dateOf(header);
  return date !== undefined && modifiedMs !== undefined && seconds(modifiedMs) > seconds(date);
}

function dateOf(header: string | readonly string[] | undefined): number | undefined {
  const text = single(header) ?? '';
  const form = DATES.find((form) => form.test(text));
  if (form === undefined) return undefined;
  const ms = Date.parse(form === ASCTIME ? `${text} GMT` : text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** What is not a date is ignored; `Date.parse` takes much more for one, and some of it in local time (RFC 9110 §5.6.7). */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;
const DATES = [
  /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/,
  /^[A-Z][a-z]{5,8}, \d\d-[A-Z][a-z]{2}-\d\d \d\d:\d\d:\d\d GMT$/,
  ASCTIME,
];

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header.trim() : undefined;
}
