/** Conversations with the HTTP service, byte by byte over loopback (RFC 9110, RFC 9112, DHCP.md §3.7). */
import { accessLog } from 'pxe/plugins';
import { expect, test } from 'vitest';
import { definePlugin } from '../../src/index.ts';
import { hostileRoot, SECRET } from '../kit/hostile-root.ts';
import { ask, converse, httpLab, RawClient, repliesOf } from '../kit/http.ts';
import { folder, gate, until } from '../kit/lab.ts';
import { get } from '../kit/tftp.ts';

const BIG = Buffer.alloc(300_000, 'abcdefghijklmnopqrstuvwxyz012345');
const KEPT = 'Host: pxe\r\n';
const LAST = 'Host: pxe\r\nConnection: close\r\n';

function files() {
  const at = folder();
  at.put('ROOT/x', 'inside');
  at.put('ROOT/empty', '');
  at.put('ROOT/boot/grub.cfg', 'menu');
  at.put('ROOT/boot/loader.efi', BIG);
  return at;
}

test('a file is sent with its length, type and version, in the spelling that firmware compares with', async () => {
  const at = await httpLab({}, files());
  const { status, headers, body } = await ask(at.http, '/boot/loader.efi');
  expect(status).toBe(200);
  expect(body.equals(BIG)).toBe(true);
  expect(headers).toMatchObject({
    'Content-Length': '300000',
    'Content-Type': 'application/efi',
    'Accept-Ranges': 'bytes',
    ETag: expect.stringMatching(/^"[\d-]+"$/),
    'Last-Modified': expect.stringMatching(/ GMT$/),
  });
  expect(headers).not.toHaveProperty('Transfer-Encoding');
  expect(Object.values(headers)).not.toContain('');
  expect(await at.end()).toMatchObject({
    outcome: 'completed',
    bytes: 300_000,
    served: 'boot/loader.efi',
    request: { protocol: 'http', kind: 'read', asked: 'boot/loader.efi', http: { method: 'GET', isSecure: false } },
    http: { status: 200, range: undefined },
  });
});

const rows: readonly [
  what: string,
  method: string,
  target: string,
  headers: Record<string, string>,
  status: number,
  expected: { readonly headers?: object; readonly text?: string },
][] = [
  [
    'a range',
    'GET',
    '/boot/loader.efi',
    { Range: 'bytes=2-5' },
    206,
    { headers: { 'Content-Range': 'bytes 2-5/300000' }, text: 'cdef' },
  ],
  ['a range over two segments', 'GET', '/boot/loader.efi', { Range: 'bytes=65535-65536' }, 206, { text: '5a' }],
  [
    'the last bytes',
    'GET',
    '/boot/loader.efi',
    { Range: 'bytes=-2' },
    206,
    { headers: { 'Content-Range': 'bytes 299998-299999/300000' } },
  ],
  [
    'a range beyond the end',
    'GET',
    '/x',
    { Range: 'bytes=6-' },
    416,
    { headers: { 'Content-Range': 'bytes */6' }, text: 'the range is beyond the end of the file\n' },
  ],
  ['several ranges', 'GET', '/x', { Range: 'bytes=0-1,3-4' }, 200, { text: 'inside' }],
  ['If-Range of another version', 'GET', '/x', { Range: 'bytes=0-1', 'If-Range': '"other"' }, 200, { text: 'inside' }],
  ['If-Match of another version', 'GET', '/x', { 'If-Match': '"other"' }, 412, { text: 'the file is another version\n' }],
  ['If-None-Match of any version', 'GET', '/x', { 'If-None-Match': '*' }, 304, { text: '' }],
  ['HEAD', 'HEAD', '/boot/loader.efi', {}, 200, { headers: { 'Content-Length': '300000' }, text: '' }],
  ['HEAD with a range', 'HEAD', '/x', { Range: 'bytes=0-1' }, 200, { headers: { 'Content-Length': '6' } }],
  ['HEAD of an absent name', 'HEAD', '/absent', {}, 404, { headers: { 'Content-Length': '15' }, text: '' }],
  ['an absent name', 'GET', '/absent', {}, 404, { headers: { 'Content-Length': '15' }, text: 'file not found\n' }],
  ['an empty file', 'GET', '/empty', {}, 200, { headers: { 'Content-Length': '0' }, text: '' }],
  ['slashes of shim', 'GET', '/boot//grub.cfg', {}, 200, { text: 'menu' }],
  ['an encoded slash', 'GET', '/boot%2Fgrub.cfg?x=1', {}, 200, { text: 'menu' }],
  ['a backslash', 'GET', '/boot%5cgrub.cfg', {}, 200, { text: 'menu' }],
  ['absolute-form', 'GET', 'http://elsewhere:8080/x', {}, 200, { text: 'inside' }],
  [
    'an expectation that is not known',
    'GET',
    '/x',
    { Expect: 'tea' },
    200,
    { headers: { 'Content-Length': '6' }, text: 'inside' },
  ],
  ['a broken escape', 'GET', '/%zz', {}, 400, { text: 'the request target is malformed\n' }],
  ['a folder', 'GET', '/boot', {}, 404, {}],
  ['POST', 'POST', '/x', { 'Content-Length': '0' }, 405, { headers: { Allow: 'GET, HEAD' } }],
  ['PUT', 'PUT', '/new', { 'Content-Length': '5', Expect: '100-continue' }, 405, { headers: { Connection: 'close' } }],
  ['a name longer than any', 'GET', `/${'a'.repeat(5000)}`, {}, 404, {}],
  ['headers longer than allowed', 'GET', '/x', { X: 'a'.repeat(9000) }, 431, {}],
];

test.each(rows)('%s', async (_, method, target, headers, status, { headers: wanted = {}, text }) => {
  const at = await httpLab({}, files());
  const reply = await ask(at.http, target, headers, method);
  expect(reply).toMatchObject({ status, headers: wanted });
  if (text !== undefined) expect(reply.body.toString()).toBe(text);
});

test('the conditions of a version hold for it, and fail once the file has changed', async () => {
  const at = await httpLab({}, files());
  const { ETag: etag = '', 'Last-Modified': date = '' } = (await ask(at.http, '/x')).headers;
  expect((await ask(at.http, '/x', { 'If-None-Match': etag })).status).toBe(304);
  expect((await ask(at.http, '/x', { 'If-Modified-Since': date })).status).toBe(304);
  expect((await ask(at.http, '/x', { 'If-Match': etag, Range: 'bytes=3-' })).status).toBe(206);
  expect((await ask(at.http, '/x', { 'If-Range': etag, Range: 'bytes=3-' })).status).toBe(206);
  at.put('ROOT/x', 'another');
  expect((await ask(at.http, '/x', { 'If-None-Match': etag })).body.toString()).toBe('another');
  expect((await ask(at.http, '/x', { 'If-Match': etag, Range: 'bytes=3-' })).status).toBe(412);
  expect((await ask(at.http, '/x', { 'If-Range': etag, Range: 'bytes=3-' })).status).toBe(200);
});

test.each([
  ['HTTP/1.0 without Host', 'GET /x HTTP/1.0\r\n\r\n', [200]],
  ['one connection for several requests', `HEAD /x HTTP/1.1\r\n${KEPT}\r\nGET /x HTTP/1.1\r\n${LAST}\r\n`, [200, 200]],
  [
    'answers in the order of the requests',
    `GET /boot/loader.efi HTTP/1.1\r\n${KEPT}\r\nGET /absent HTTP/1.1\r\n${KEPT}\r\nGET /x HTTP/1.1\r\n${LAST}\r\n`,
    [200, 404, 200],
  ],
  ['a body that nobody reads ends the connection', `GET /x HTTP/1.1\r\n${KEPT}Content-Length: 5\r\n\r\nhello`, [200]],
  [
    'nothing after a body that nobody reads',
    `GET /x HTTP/1.1\r\n${KEPT}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n${LAST}\r\n`,
    [200],
  ],
  ['not HTTP', 'hello\r\n\r\n', [400]],
  ['a TLS handshake', '\x16\x03\x01\x02\x00\x01', [400]],
  ['both lengths', `GET /x HTTP/1.1\r\n${KEPT}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`, [400]],
])('%s', async (_, text, statuses) => {
  const at = await httpLab({}, files());
  const methods = [...text.matchAll(/^([A-Z]+) /gm)].map(([, method]) => method!);
  expect(repliesOf(await converse(at.http, text), methods).map(({ status }) => status)).toEqual(statuses);
  expect(at.ended.filter(({ outcome }) => outcome === 'aborted')).toEqual([]);
});

test('a client that closes its side once it has asked gets its answer', async () => {
  const at = await httpLab({}, files());
  const [reply] = repliesOf(await converse(at.http, `GET /boot/loader.efi HTTP/1.1\r\n${KEPT}\r\n`, true), ['GET']);
  expect(reply!.body.equals(BIG)).toBe(true);
});

test('content of unknown length is never sent in chunks: the end of the connection ends it', async () => {
  const stream = definePlugin({
    name: 'stream',
    setup: () => ({
      open: ({ name }) => {
        const size = name === 'long' ? 200_000 : 10;
        const read = (offset: number, length: number) => Buffer.alloc(Math.max(0, Math.min(length, size - offset)), 's');
        return { size: undefined, read, close() {} };
      },
    }),
  });
  const at = await httpLab({ plugins: [stream()] });
  const long = await ask(at.http, '/long', { Connection: 'keep-alive' });
  expect(long.headers).not.toHaveProperty('Transfer-Encoding');
  expect(long.headers).toMatchObject({ Connection: 'close' });
  expect(long.body.length).toBe(200_000);
  expect(await ask(at.http, '/short')).toMatchObject({ status: 200, headers: { 'Content-Length': '10' } });
});

test.each([
  ['GET', 'completed'],
  ['HEAD', 'probed'],
])('%s of a file ends as %s, and no lease is left', async (method, outcome) => {
  const at = await httpLab({}, files());
  await ask(at.http, '/x', {}, method);
  expect(await at.end()).toMatchObject({ outcome, error: undefined });
  await until(async () => (await at.server.exchanges()).length === 0, 'end of all exchanges');
});

test('a client that goes in the middle is an aborted transfer, and no error', async () => {
  const at = await httpLab({ rootDir: 'ROOT' }, files());
  at.put('ROOT/huge', Buffer.alloc(50_000_000));
  const client = new RawClient(at.http);
  client.send(`GET /huge HTTP/1.1\r\n${KEPT}\r\n`);
  client.socket.once('data', () => client.socket.resetAndDestroy());
  expect(await at.end()).toMatchObject({ outcome: 'aborted', http: { status: 200 } });
  expect(at.log.filter(({ level }) => level === 'error')).toEqual([]);
});

test('content of unknown length that fails resets the connection, whose end would be that of the content', async () => {
  const read = (offset: number, length: number) => {
    if (offset > 0) throw new Error('gone');
    return Buffer.alloc(length);
  };
  const failing = definePlugin({ name: 'failing', setup: () => ({ open: () => ({ size: undefined, read, close() {} }) }) });
  const at = await httpLab({ plugins: [failing()] });
  const client = new RawClient(at.http);
  const reset = new Promise((resolve) => client.socket.once('error', resolve));
  client.send(`GET /any HTTP/1.1\r\n${KEPT}\r\n`);
  expect(await reset).toMatchObject({ code: 'ECONNRESET' });
});

test('content that fails in the middle breaks the connection off', async () => {
  const failing = definePlugin({
    name: 'failing',
    setup: () => ({
      open: () => ({
        size: 1_000_000,
        read: (offset: number, length: number) => {
          if (offset > 0) throw new Error('gone');
          return Buffer.alloc(length);
        },
        close() {},
      }),
    }),
  });
  const at = await httpLab({ plugins: [failing()] });
  const bytes = await converse(at.http, `GET /any HTTP/1.1\r\n${KEPT}\r\n`);
  expect(bytes.length).toBeLessThan(100_000);
  expect(await at.end()).toMatchObject({ outcome: 'failed', error: { reason: 'internal' } });
});

test('a client that leaves while a plugin looks for the answer aborts it', async () => {
  const { passed, open } = gate();
  const slow = definePlugin({ name: 'slow', setup: () => ({ open: async () => void (await passed) }) });
  const at = await httpLab({ plugins: [slow()] }, files());
  const client = new RawClient(at.http);
  client.send(`GET /x HTTP/1.1\r\n${KEPT}\r\n`);
  await until(async () => (await at.server.exchanges()).length === 1, 'the exchange');
  client.socket.resetAndDestroy();
  expect(await at.end()).toMatchObject({ outcome: 'aborted', http: { status: undefined } });
  open();
});

const notFound = /^404 file not found|^404 file name too long|^400 /;

test.each([
  ['/../x', /^403/],
  ['/../secret', /^403/],
  ['/..%2f..%2fsecret', /^403/],
  ['/%2e%2e/secret', /^403/],
  ['/%2e%2e%5csecret', /^403/],
  ['/sub/..%5c..%5c..%5csecret', /^403/],
  ['http://pxe/../secret', /^403/],
  ['/../ROOT-secret', /^403/],
  ['/%252e%252e/secret', notFound],
  ['/..%c0%afsecret', notFound],
  ['/%c0%ae%c0%ae%2fsecret', notFound],
  ['//etc/passwd', notFound],
  ['/%2fetc%2fpasswd', notFound],
  ['/file:///etc/passwd', notFound],
  ['/link', /^403/],
  ['/link-to-link', /^403/],
  ['/absolute-link', /^403/],
  ['/folder-link/secret', /^403/],
  ['/folder-link/absent', notFound],
  ['/parent-link/secret', /^403/],
  ['/sibling-link', /^403/],
  ['/loop', notFound],
  ['/dangling', notFound],
  ['/zero', /^403/],
  ['/environ', /^403/],
  ['/fifo', /^403/],
  ['/empty', notFound],
  ['/sub/', notFound],
  ['/', notFound],
  ['*', notFound],
  ['/x%1b%5b2J', notFound],
  ['/sub%00/y', notFound],
  [`/${'a'.repeat(300)}`, notFound],
  ['/x', /^200 inside$/],
  ['/.//x', /^200 inside$/],
  ['/sub%5cy', /^200 inside$/],
  ['/x%ff', notFound],
  ['/p%C3%A4x', /^200 umlaut$/],
  ['/100%2525', /^200 percent$/],
  ['/%20', /^200 space$/],
])('no byte from outside the root: %s', async (target, expected) => {
  const root = hostileRoot();
  const at = await httpLab({}, root);
  const { status, headers, body } = await ask(at.http, target);
  expect(`${status} ${body.toString().trimEnd()}`).toMatch(expected);
  const all = JSON.stringify(headers) + body.toString();
  for (const taboo of [SECRET, root.path, '/tmp', 'root:', 'PATH=']) expect(all).not.toContain(taboo);
});

test('the access log tells the request in one line, and a boot goes on from TFTP to HTTP', async () => {
  const at = await httpLab({ plugins: [accessLog({ starts: false })] }, files());
  await get(at.address, 'boot/grub.cfg');
  await ask(at.http, '/x', { Range: 'bytes=1-2', 'User-Agent': 'a'.repeat(500) });
  await until(() => at.ended.length === 2, 'both');
  await at.server.stop(0);
  const lines = at.log.filter(({ msg }) => msg === 'transfer completed');
  expect(lines[0]).toMatchObject({ mode: 'octet', method: undefined, status: undefined });
  expect(lines[1]).toMatchObject({ method: 'GET', asked: 'x', status: 206, range: '1-2', bytes: 2, userAgent: 'a'.repeat(200) });
  expect(at.log.filter(({ msg }) => msg === 'boot')).toMatchObject([
    { steps: [{ served: 'boot/grub.cfg' }, { served: 'x', bytes: 2 }], requests: 2 },
  ]);
});
