/** Conditions, ranges and headers, as tables (RFC 9110 §§13, 14). */
import { describe, expect, test } from 'vitest';
import { answerFor, httpDate, type RequestHeaders } from '../../../src/http/protocol/answer.ts';
import { contentType } from '../../../src/http/protocol/content-type.ts';
import { nameOf } from '../../../src/http/protocol/target.ts';

const modifiedMs = Date.UTC(2026, 10, 30, 12, 0, 0, 700);
const date = httpDate(modifiedMs);
const earlier = httpDate(modifiedMs - 60_000);
const later = httpDate(modifiedMs + 60_000);
const file = { name: 'ipxe.efi', size: 1000, version: 'v1', modifiedMs };

const summary = (method: string, headers: RequestHeaders, what = file) => {
  const { status, headers: sent, body } = answerFor(method, headers, what);
  const range = sent.find(([name]) => name === 'Content-Range')?.[1];
  return [status, body ? `${body.start}-${body.end}` : undefined, range];
};

describe('a range', () => {
  test.each([
    [undefined, 200, '0-1000', undefined],
    ['bytes=0-99', 206, '0-100', 'bytes 0-99/1000'],
    ['bytes=900-', 206, '900-1000', 'bytes 900-999/1000'],
    ['bytes=900-5000', 206, '900-1000', 'bytes 900-999/1000'],
    ['bytes=-100', 206, '900-1000', 'bytes 900-999/1000'],
    ['bytes=-5000', 206, '0-1000', 'bytes 0-999/1000'],
    ['bytes=999-999', 206, '999-1000', 'bytes 999-999/1000'],
    ['bytes=1000-', 416, undefined, 'bytes */1000'],
    ['bytes=-0', 416, undefined, 'bytes */1000'],
    ['bytes=99999999999999999999-', 416, undefined, 'bytes */1000'],
    ['bytes=5-4', 200, '0-1000', undefined],
    ['bytes=-', 200, '0-1000', undefined],
    ['bytes=a-b', 200, '0-1000', undefined],
    ['bytes=0-1,5-6', 200, '0-1000', undefined],
    ['lines=0-1', 200, '0-1000', undefined],
    ['bytes=-18446744073709551615', 206, '0-1000', 'bytes 0-999/1000'],
  ])('%s', (range, status, body, contentRange) => {
    expect(summary('GET', { range })).toEqual([status, body, contentRange]);
    const length = body?.split('-').reduce((start, end) => String(Number(end) - Number(start)));
    const sent = new Map(answerFor('GET', { range }, file).headers);
    expect(sent.get('Content-Length')).toBe(length);
  });

  test('of a HEAD means nothing', () => expect(summary('HEAD', { range: 'bytes=0-9' })).toEqual([200, undefined, undefined]));

  test.each([
    ['the version there is', '"v1"', 206],
    ['another version', '"v0"', 200],
    ['a weak one', 'W/"v1"', 200],
    ['the date there is', date, 206],
    ['an earlier date', earlier, 200],
    ['a later date', later, 200],
    ['neither', 'yesterday', 200],
  ])('if it is %s', (_, condition, status) => {
    expect(summary('GET', { range: 'bytes=0-9', 'if-range': condition })[0]).toBe(status);
  });

  test('of an empty file cannot be had; the whole of it can', () => {
    const empty = { ...file, size: 0 };
    expect(summary('GET', { range: 'bytes=0-' }, empty)).toEqual([416, undefined, 'bytes */0']);
    expect(summary('GET', {}, empty)).toEqual([200, '0-0', undefined]);
  });
});

describe('a condition', () => {
  test.each<[RequestHeaders, number]>([
    [{ 'if-match': '"v1"' }, 200],
    [{ 'if-match': '"v0", "v1"' }, 200],
    [{ 'if-match': '*' }, 200],
    [{ 'if-match': '"v0"' }, 412],
    [{ 'if-match': 'W/"v1"' }, 412],
    [{ 'if-unmodified-since': date }, 200],
    [{ 'if-unmodified-since': later }, 200],
    [{ 'if-unmodified-since': earlier }, 412],
    [{ 'if-unmodified-since': 'nonsense' }, 200],
    // By ETag goes first.
    [{ 'if-match': '"v1"', 'if-unmodified-since': earlier }, 200],
    [{ 'if-none-match': '"v1"' }, 304],
    [{ 'if-none-match': 'W/"v1"' }, 304],
    [{ 'if-none-match': '"v0"' }, 200],
    [{ 'if-none-match': '*' }, 304],
    [{ 'if-modified-since': date }, 304],
    [{ 'if-modified-since': later }, 304],
    [{ 'if-modified-since': 'Tue Dec  1 12:00:00 2026' }, 304],
    [{ 'if-modified-since': 'Tuesday, 01-Dec-26 12:00:00 GMT' }, 304],
    [{ 'if-modified-since': '9999' }, 200],
    [{ 'if-modified-since': 'Tue, 99 Dec 2026 12:00:00 GMT' }, 200],
    [{ 'if-modified-since': `${later} or so` }, 200],
    [{ 'if-unmodified-since': '1' }, 200],
    [{ 'if-modified-since': earlier }, 200],
    [{ 'if-none-match': '"v0"', 'if-modified-since': later }, 200],
    [{ 'if-match': '"v0"', 'if-none-match': '"v1"' }, 412],
  ])('%j: %i', (headers, status) => expect(summary('GET', headers)[0]).toBe(status));

  test.each([304, 412])('that is answered by %i sends no body, and says what is there', (status) => {
    const headers = status === 304 ? { 'if-none-match': '"v1"' } : { 'if-match': '"v0"' };
    const answer = answerFor('GET', headers, file);
    expect(answer.body).toBeUndefined();
    expect(answer.headers).toEqual(
      expect.arrayContaining([
        ['ETag', '"v1"'],
        ['Last-Modified', date],
      ]),
    );
  });

  test('resumes as EDK2 does: a range of the version that it has', () => {
    const range = 'bytes=500-999';
    expect(summary('GET', { range, 'if-match': '"v1"' })).toEqual([206, '500-1000', 'bytes 500-999/1000']);
    expect(summary('GET', { range, 'if-match': '"v0"' })).toEqual([412, undefined, undefined]);
    expect(summary('GET', { range, 'if-unmodified-since': date })[0]).toBe(206);
  });
});

test('headers are spelt as GRUB and U-Boot compare them, and none is empty', () => {
  const { headers } = answerFor('GET', { range: 'bytes=0-9' }, file);
  expect(headers).toEqual([
    ['Content-Length', '10'],
    ['Content-Range', 'bytes 0-9/1000'],
    ['Content-Type', 'application/efi'],
    ['ETag', '"v1"'],
    ['Last-Modified', 'Mon, 30 Nov 2026 12:00:00 GMT'],
    ['Accept-Ranges', 'bytes'],
  ]);
});

test('what has neither version nor date is sent whole, without them', () => {
  const { status, headers } = answerFor('GET', { 'if-none-match': '"v1"', 'if-modified-since': later }, { name: 'a', size: 3 });
  expect(status).toBe(200);
  expect(headers.map(([name]) => name)).toEqual(['Content-Length', 'Content-Type', 'Accept-Ranges']);
});

test.each([
  ['a.efi', 'application/efi'],
  ['A.EFI', 'application/efi'],
  ['x/debian.iso', 'application/vnd.efi-iso'],
  ['disk.img', 'application/vnd.efi-img'],
  ['boot.ipxe', 'text/plain'],
  ['vmlinuz', 'application/octet-stream'],
  ['a.d/vmlinuz', 'application/octet-stream'],
  ['.efi/x', 'application/octet-stream'],
  ['constructor.constructor', 'application/octet-stream'],
])('the type of %s is %s', (name, type) => expect(contentType(name)).toBe(type));

test.each([
  ['/boot.ipxe', 'boot.ipxe'],
  ['/', ''],
  ['/a/b?x=1#y', 'a/b'],
  ['/secure//grubx64.efi', 'secure//grubx64.efi'],
  ['//boot.ipxe', '/boot.ipxe'],
  ['/a%20b', 'a b'],
  ['/a%2Fb', 'a/b'],
  ['/%2e%2e/x', '../x'],
  ['/a\\b', 'a\\b'],
  ['/%C3%A9', 'é'],
  ['/%', undefined],
  ['/%FF', undefined],
  ['http://10.0.0.1:8080/boot.ipxe', 'boot.ipxe'],
  ['HTTP://host', ''],
  ['*', undefined],
  ['boot.ipxe', undefined],
  ['ftp://host/x', undefined],
])('the target %s asks for %j', (target, name) => expect(nameOf(target)).toBe(name));
