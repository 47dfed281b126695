/** httpOrigin against an origin that does everything wrong, through the pipeline and with a real cache folder. */
import { readdirSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { httpOrigin } from '../../plugins/http-origin.ts';
import type { Content } from '../../src/content/content.ts';
import { Stats } from '../../src/stats/stats.ts';
import { seeded } from '../kit/random.ts';
import { fakeFolder, recordingLog } from '../plugin/support.ts';
import { cutAfter, fakeOrigin, type Served } from './http-origin/fake.ts';
import { brief, cacheFolder, PATIENCE_MS, readAll, rig } from './http-origin/rig.ts';
import { issuesOf } from './support.ts';

const bytes = (seed: number, length: number): Uint8Array => seeded(seed).bytes(length);
const text = ({ bytes }: Served): string => brief(bytes);
const big: Served = { bytes: bytes(1, 400_000), etag: '"one"' };
const changed: Served = { bytes: bytes(2, 390_000), etag: '"two"' };

/** What lies in the cache folder, hashes left out. */
const kept = (folder: string): string[] =>
  readdirSync(folder)
    .map((name) => name.replace(/[0-9a-f]{32}|[0-9a-f]{16}/g, '#'))
    .sort();
const whole = ['#.#-file', '#.json'];

async function opened(content: Promise<Content | string>): Promise<Content> {
  const found = await content;
  if (typeof found === 'string') throw new Error(found);
  return found;
}

describe('names', () => {
  test('under the prefix are the origin’s, encoded; others are not', async () => {
    const origin = await fakeOrigin({ 'a%20b%3F': 'found' });
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder(), prefix: 'os' });
    expect(await get('os/a b?')).toBe('found');
    expect(await get('kernel')).toBe('kernel of the root');
    expect(await get('osx/a')).toBe('ERROR 1 file not found');
    expect(origin.asked.map(({ url }) => url)).toEqual(['/pub/a%20b%3F']);
    expect(origin.asked[0]?.headers['accept-encoding']).toBe('identity');
  });

  test('that the origin does not know are ERROR 1, or left to the next', async () => {
    const origin = await fakeOrigin();
    const strict = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await strict.get('kernel')).toBe('ERROR 1 file not found');
    const lenient = await rig({ url: origin.url, cacheDir: cacheFolder(), fallThrough: true });
    expect(await lenient.get('kernel')).toBe('kernel of the root');
    origin.tricks.push((_, response) => response.writeHead(403).end());
    const store = await rig({ url: origin.url, cacheDir: cacheFolder(), missing: [403, 404] });
    expect(await store.get('kernel')).toBe('ERROR 1 file not found');
  });
});

describe('a copy', () => {
  test.each<[string, Served]>([
    ['ETag', { bytes: bytes(3, 1000), etag: '"v"' }],
    ['weak ETag', { bytes: bytes(3, 1000), etag: 'W/"v"' }],
    ['Last-Modified', { bytes: bytes(3, 1000), lastModified: 'Tue, 01 Sep 2026 10:00:00 GMT' }],
  ])('is confirmed by its %s', async (_, file) => {
    const origin = await fakeOrigin({ file });
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    for (let i = 0; i < 3; i++) expect(await get('file')).toBe(text(file));
    const asked = origin.asked.map(({ headers }) => headers['if-none-match'] ?? headers['if-modified-since']);
    expect(asked).toEqual([undefined, file.etag ?? file.lastModified, file.etag ?? file.lastModified]);
  });

  test('is fetched again where nothing tells its version', async () => {
    const origin = await fakeOrigin({ file: { bytes: Buffer.from('a') } });
    const cacheDir = cacheFolder();
    const { get } = await rig({ url: origin.url, cacheDir });
    expect(await get('file')).toBe('a');
    origin.files.set('/pub/file', { bytes: Buffer.from('bb') });
    expect(await get('file')).toBe('bb');
    expect(kept(cacheDir)).toEqual(whole);
  });

  test('is served unasked while it is fresh, also by the next process', async () => {
    const origin = await fakeOrigin({ file: 'fresh' });
    const options = { url: origin.url, cacheDir: cacheFolder(), freshMs: 60_000 };
    const first = await rig(options);
    for (let i = 0; i < 3; i++) expect(await first.get('file')).toBe('fresh');
    await first.dispose();
    const second = await rig(options);
    expect(await second.get('file')).toBe('fresh');
    expect(origin.asked).toHaveLength(1);
  });

  test('makes way for the next version; who reads the old one reads it to its end', async () => {
    const origin = await fakeOrigin({ file: big });
    const cacheDir = cacheFolder();
    const { get, open } = await rig({ url: origin.url, cacheDir });
    expect(await get('file')).toBe(text(big));
    const old = await opened(open('file'));
    const first = await old.read(0, 65536);
    origin.files.set('/pub/file', changed);
    expect(await get('file')).toBe(text(changed));
    expect(kept(cacheDir)).toEqual(whole);
    expect(brief(first)).toBe(brief(big.bytes.subarray(0, 65536)));
    expect(await readAll(old)).toBe(text(big));
  });

  test('goes when the origin has the file no more', async () => {
    const origin = await fakeOrigin({ file: 'gone' });
    const cacheDir = cacheFolder();
    const { get } = await rig({ url: origin.url, cacheDir, staleIfError: true });
    expect(await get('file')).toBe('gone');
    origin.files.clear();
    expect(await get('file')).toBe('ERROR 1 file not found');
    expect(kept(cacheDir)).toEqual([]);
  });

  test.each([
    ['is refused', false, 'ERROR 0 origin is not available'],
    ['is served stale if the config says so', true, 'old'],
  ])('%s while the origin is down', async (_, staleIfError, expected) => {
    const origin = await fakeOrigin({ file: 'old' });
    const { get, logged } = await rig({ url: origin.url, cacheDir: cacheFolder(), staleIfError });
    expect(await get('file')).toBe('old');
    origin.tricks.push((_, response) => response.writeHead(503).end());
    expect(await get('file')).toBe(expected);
    await origin.stop();
    expect(await get('file')).toBe(expected);
    expect(logged('origin failed, stale copy served')).toHaveLength(staleIfError ? 2 : 0);
    expect(logged('origin failed')).toHaveLength(staleIfError ? 0 : 2);
  });
});

describe('a download', () => {
  test('is one for all who ask while it is under way, and each reads what has come', async () => {
    const origin = await fakeOrigin();
    let goOn = () => {};
    origin.tricks.push((_, response) => {
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag });
      response.write(big.bytes.subarray(0, 200_000));
      goOn = () => response.end(big.bytes.subarray(200_000));
    });
    const { open } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    const early = await Promise.all(Array.from({ length: 20 }, () => opened(open('file'))));
    for (const content of early) {
      expect(content.size).toBe(big.bytes.length);
      expect(brief(await content.read(65536, 65536))).toBe(brief(big.bytes.subarray(65536, 131_072)));
    }
    const late = await opened(open('file'));
    goOn();
    for (const content of [...early, late]) expect(await readAll(content)).toBe(text(big));
    expect(origin.asked).toHaveLength(1);
  });

  test('of an empty file, and of one that fills its last segment', async () => {
    const exact: Served = { bytes: bytes(5, 131_072), etag: '"x"' };
    const origin = await fakeOrigin({ empty: { bytes: new Uint8Array(0), etag: '"e"' }, exact });
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    for (let i = 0; i < 2; i++) {
      expect(await get('empty')).toBe('');
      expect(await get('exact')).toBe(text(exact));
    }
  });

  test('without Content-Length is waited for, so that the size is known', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push((_, response) => {
      response.writeHead(200, { etag: '"c"' });
      response.write('first, ');
      setImmediate(() => response.end('second'));
    });
    const { open } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    const content = await opened(open('chunked'));
    expect(content.size).toBe(13);
    expect(await readAll(content)).toBe('first, second');
  });

  test('that cannot be told from a broken one is refused: neither a length nor an end', async () => {
    const origin = await fakeOrigin();
    origin.tricks.push((_, response) => {
      response.socket?.end('HTTP/1.0 200 OK\r\nETag: "x"\r\n\r\nhow much more?');
    });
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe('ERROR 0 origin is not available');
  });

  test('ends where it was announced to end', async () => {
    const origin = await fakeOrigin();
    origin.tricks.push((_, response) =>
      response.socket?.write('HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 3\r\n\r\nabcdef'),
    );
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe('abc');
  });

  test('is not unpacked', async () => {
    const packed = gzipSync('a kernel');
    const origin = await fakeOrigin();
    origin.tricks.push((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed),
    );
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file.gz')).toBe(brief(packed));
  });

  test('goes on for those who ask again when the first answer came too late', async () => {
    const origin = await fakeOrigin({ file: 'late' });
    let goOn = () => {};
    origin.tricks.push((_, response) => {
      response.writeHead(200, { etag: '"c"' }).write('la');
      goOn = () => response.end('te');
    });
    const options = { url: origin.url, cacheDir: cacheFolder(), lingerMs: 60_000 };
    const impatient = await rig(options, { hookMs: 50 });
    expect(await impatient.open('file')).toBe('ERROR 0 internal error');
    const patient = await rig(options);
    const again = patient.open('file');
    await vi.waitFor(() => expect(origin.asked).toHaveLength(1), PATIENCE_MS);
    goOn();
    expect(await readAll(await opened(again))).toBe('late');
    expect(origin.asked).toHaveLength(1);
  });

  test('that nobody waits for ends after a while; the next goes on from there', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push((_, response) => {
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag });
      response.write(big.bytes.subarray(0, 200_000));
    });
    const cacheDir = cacheFolder();
    const { open, get, logged } = await rig({ url: origin.url, cacheDir });
    const content = await opened(open('file'));
    await content.read(131_072, 60_000);
    await content.close();
    await vi.waitFor(() => expect(logged('download stopped')).toHaveLength(1), PATIENCE_MS);
    expect(kept(cacheDir)).toEqual(['#.#.part', '#.part.json']);
    expect(await get('file')).toBe(text(big));
    expect(origin.asked[1]?.headers).toMatchObject({ 'if-range': '"one"', range: expect.stringMatching(/^bytes=\d{6}-$/) });
    expect(kept(cacheDir)).toEqual(whole);
  });
});

describe('a connection that breaks', () => {
  const ifRange = (asked: { headers: { range?: string | undefined; 'if-range'?: string | undefined } }[]) =>
    asked.slice(1).map(({ headers }) => (headers.range === undefined ? 'all' : `from there, if ${headers['if-range']}`));
  const dated: Served = { bytes: big.bytes, lastModified: 'Tue, 01 Sep 2026 10:00:00 GMT' };

  test.each<[string, Served, string]>([
    ['ETag', big, '"one"'],
    ['Last-Modified', dated, 'Tue, 01 Sep 2026 10:00:00 GMT'],
  ])('is taken up where it broke, by %s', async (_, file, validator) => {
    const origin = await fakeOrigin({ file });
    origin.tricks.push(cutAfter(file, 300_000));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe(text(file));
    expect(ifRange(origin.asked)).toEqual([`from there, if ${validator}`]);
  });

  test('is taken up by reading again what is there, from an origin that knows no ranges', async () => {
    const origin = await fakeOrigin({ file: big });
    const whole = (_: unknown, response: import('node:http').ServerResponse) =>
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag }).end(big.bytes);
    origin.tricks.push(cutAfter(big, 300_000), whole);
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe(text(big));
  });

  test('is taken up as often as it breaks, past an origin that is down meanwhile', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push(
      cutAfter(big, 300_000),
      (_, response) => response.writeHead(503).end(),
      (request) => request.socket.destroy(),
    );
    const { get, logged } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe(text(big));
    expect(origin.asked).toHaveLength(4);
    expect(logged('download interrupted')).toHaveLength(1);
  });

  test.each<[string, Served | undefined, string]>([
    ['another version', changed, 'ERROR 0 file changed during transfer'],
    ['no file any more', undefined, 'ERROR 0 file changed during transfer'],
    [
      'a shorter file under the same ETag',
      { bytes: big.bytes.subarray(0, 50_000), etag: big.etag! },
      'ERROR 0 file changed during transfer',
    ],
  ])('and leads to %s ends the transfer; no byte is mixed in', async (_, next, error) => {
    const origin = await fakeOrigin(next ? { file: next } : {});
    origin.tricks.push(cutAfter(big, 300_000));
    const { open, get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    const content = await opened(open('file'));
    expect(brief(await content.read(0, 65536))).toBe(brief(big.bytes.subarray(0, 65536)));
    expect(await readAll(content)).toMatch(new RegExp(`^\\d segments, then ${error}`));
    expect(await get('file')).toBe(next ? text(next) : 'ERROR 1 file not found');
  });

  test.each<[string, Served]>([
    ['nothing', { bytes: big.bytes }],
    ['a weak ETag', { bytes: big.bytes, etag: 'W/"one"' }],
    ['a date of this very second', { bytes: big.bytes, lastModified: new Date(Date.now() + 3_600_000).toUTCString() }],
  ])('begins again where %s tells the version', async (_, file) => {
    const origin = await fakeOrigin({ file });
    origin.tricks.push(cutAfter(file, 300_000));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toMatch(/^\d segments, then ERROR 0 origin is not available/);
    expect(await get('file')).toBe(text(file));
    expect(ifRange(origin.asked)).toEqual(['all']);
  });

  test('for good is given up; the next request goes on from there', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push(cutAfter(big, 300_000), ...Array.from({ length: 3 }, () => cutAfter(big, 0)));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder(), retryMs: 300 });
    expect(await get('file')).toMatch(/^\d segments, then ERROR 0 origin is not available/);
    origin.tricks.length = 0;
    expect(await get('file')).toBe(text(big));
    expect(ifRange(origin.asked)).toContain('from there, if "one"');
    expect(ifRange(origin.asked)).not.toContain('all');
  });

  test.each<[string, (from: number) => string, string?]>([
    ['is of another version', (from) => `bytes ${from}-399999/400000`, '"two"'],
    ['is of a longer file', (from) => `bytes ${from}-399999/500000`],
    ['starts elsewhere', (from) => `bytes ${from - 1}-399999/400000`],
    ['tells no size', (from) => `bytes ${from}-399999/*`],
    ['is none', () => 'nonsense'],
  ])('and is answered by a range that %s ends the transfer', async (_, range, etag = '"one"') => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push(cutAfter(big, 300_000), ({ headers }, response) => {
      const from = Number(/\d+/.exec(headers.range!)![0]);
      response.writeHead(206, { 'content-range': range(from), etag }).end(big.bytes.subarray(from));
    });
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toMatch(/^\d segments, then ERROR 0 file changed during transfer/);
    expect(await get('file')).toBe(text(big));
  });
});

describe('an origin that is slow', () => {
  test('to answer is given up', async () => {
    const origin = await fakeOrigin();
    origin.tricks.push(() => {});
    const { get, logged } = await rig({ url: origin.url, cacheDir: cacheFolder(), timeoutMs: 50 });
    expect(await get('file')).toBe('ERROR 0 origin is not available');
    expect(logged('origin failed')).toMatchObject([{ fields: { reason: 'did not answer within 50 ms' } }]);
  });

  test('in the middle is asked again', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push((_, response) => {
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag });
      response.write(big.bytes.subarray(0, 300_000));
    });
    const { get, logged } = await rig({ url: origin.url, cacheDir: cacheFolder(), idleMs: 50 });
    expect(await get('file')).toBe(text(big));
    expect(logged('download interrupted')[0]).toMatchObject({
      fields: { reason: expect.stringContaining('sent nothing for 50 ms') },
    });
  });
});

describe('a redirect', () => {
  const to = (location?: string) => (_: unknown, response: import('node:http').ServerResponse) =>
    response.writeHead(302, location === undefined ? {} : { location }).end();

  test('beneath the base is followed, with the credentials', async () => {
    vi.stubEnv('PXE_TEST_TOKEN', 'secret-token');
    const origin = await fakeOrigin({ 'real/file': 'here' });
    origin.tricks.push(to('/pub/other'), to('real/file'));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder(), authorization: { env: 'PXE_TEST_TOKEN' } });
    expect(await get('file')).toBe('here');
    expect(origin.asked.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill('Bearer secret-token'));
  });

  test('to another origin is refused, and it sees nothing', async () => {
    vi.stubEnv('PXE_TEST_TOKEN', 'secret-token');
    const other = await fakeOrigin({ file: 'evil' });
    const origin = await fakeOrigin();
    origin.tricks.push(to(`${other.url}file?signature=secret-token`));
    const { get, log } = await rig({ url: origin.url, cacheDir: cacheFolder(), authorization: { env: 'PXE_TEST_TOKEN' } });
    expect(await get('file')).toBe('ERROR 0 origin is not available');
    expect(other.asked).toEqual([]);
    expect(log).toMatchObject([
      { level: 'error', fields: { reason: `redirected to ${other.url}file, which is not under ${origin.url}` } },
    ]);
    expect(JSON.stringify(log)).not.toContain('secret-token');
  });

  test.each([
    ['above the base', '/secret/file'],
    ['nowhere', undefined],
    ['to no URL', 'http://'],
  ])('%s is refused', async (_, location) => {
    const origin = await fakeOrigin();
    origin.tricks.push(to(location));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe('ERROR 0 origin is not available');
    expect(origin.asked).toHaveLength(1);
  });

  test('to a host of redirectHosts is followed without credentials, and they do not come back by it', async () => {
    vi.stubEnv('PXE_TEST_TOKEN', 'secret-token');
    const other = await fakeOrigin();
    const origin = await fakeOrigin({ 'real/file': 'here' });
    origin.tricks.push(to(`${other.url}file?signature=1`));
    other.tricks.push(to('/pub/again'), to(`${origin.url}real/file`));
    const { get } = await rig({
      url: origin.url,
      redirectHosts: [`127.0.0.1:${other.port}`],
      freshMs: 0,
      cacheDir: cacheFolder(),
      authorization: { env: 'PXE_TEST_TOKEN' },
      headers: { 'X-Key': 'secret-key' },
    });
    expect(await get('file')).toBe('here');
    expect(other.asked.map(({ url }) => url)).toEqual(['/pub/file?signature=1', '/pub/again']);
    expect(JSON.stringify(other.asked)).not.toContain('secret');
    expect(origin.asked.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret-token', undefined]);
    // A copy is confirmed the same way.
    origin.tricks.push(to(`${other.url}copy`));
    other.files.set('/pub/copy', origin.files.get('/pub/real/file')!);
    expect(await get('file')).toBe('here');
    expect(other.asked.at(-1)).toMatchObject({ url: '/pub/copy', headers: { 'if-none-match': expect.any(String) } });
    expect(JSON.stringify(other.asked)).not.toContain('secret');
  });

  test('in a circle comes to an end', async () => {
    const origin = await fakeOrigin();
    origin.tricks.push(...Array.from({ length: 100 }, () => to('/pub/file')));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder() });
    expect(await get('file')).toBe('ERROR 0 origin is not available');
    expect(origin.asked).toHaveLength(6);
  });
});

describe('credentials', () => {
  test('come from the environment and reach no log', async () => {
    vi.stubEnv('PXE_TEST_LOGIN', 'user:secret-word');
    vi.stubEnv('PXE_TEST_KEY', 'secret-key');
    const origin = await fakeOrigin({ file: 'mine' });
    const { get, log } = await rig({
      url: origin.url,
      cacheDir: cacheFolder(),
      authorization: { env: 'PXE_TEST_LOGIN', scheme: 'Basic' },
      headers: { 'X-Key': { env: 'PXE_TEST_KEY' }, 'X-Site': 'lab' },
    });
    expect(await get('file')).toBe('mine');
    const basic = `Basic ${Buffer.from('user:secret-word').toString('base64')}`;
    expect(origin.asked[0]?.headers).toMatchObject({ authorization: basic, 'x-key': 'secret-key', 'x-site': 'lab' });
    origin.tricks.push((_, response) => response.writeHead(401).end());
    expect(await get('file')).toBe('ERROR 2 access violation');
    await origin.stop();
    expect(await get('file')).toBe('ERROR 0 origin is not available');
    expect(JSON.stringify(log)).not.toMatch(/secret|dXNlcjpz/);
  });

  test.each([
    ['not set', '', 'environment variable PXE_TEST_TOKEN, which authorization.env names, is not set'],
    ['no header', 'secret\r\nX-Evil: 1', 'environment variable PXE_TEST_TOKEN contains characters that a header may not contain'],
  ])('that are %s stop the config', async (_, value, message) => {
    vi.stubEnv('PXE_TEST_TOKEN', value);
    const started = rig({ url: 'http://127.0.0.1:1/', cacheDir: '/nowhere', authorization: { env: 'PXE_TEST_TOKEN' } });
    await expect(started).rejects.toThrow(message);
    await expect(started).rejects.not.toThrow('secret');
  });
});

describe('the cache folder', () => {
  const small = (seed: number): Served => ({ bytes: bytes(seed, 100_000), etag: `"${seed}"` });

  test('throws out what was used least recently', async () => {
    const origin = await fakeOrigin({ a: small(1), b: small(2), c: small(3) });
    const cacheDir = cacheFolder();
    const { get } = await rig({ url: origin.url, cacheDir, cacheBytes: 250_000, freshMs: 60_000 });
    expect(await get('a')).toBe(text(small(1)));
    expect(await get('b')).toBe(text(small(2)));
    expect(await get('a')).toBe(text(small(1)));
    expect(await get('c')).toBe(text(small(3)));
    expect(kept(cacheDir)).toEqual(['#.#-a', '#.#-c', '#.json', '#.json']);
    expect(await get('b')).toBe(text(small(2)));
    expect(origin.asked.map(({ url }) => url)).toEqual(['/pub/a', '/pub/b', '/pub/c', '/pub/b']);
  });

  test('refuses what is larger than itself, and throws nothing out for it', async () => {
    const origin = await fakeOrigin({ a: small(1), big });
    const cacheDir = cacheFolder();
    const { get, logged } = await rig({ url: origin.url, cacheDir, cacheBytes: 250_000 });
    expect(await get('a')).toBe(text(small(1)));
    expect(await get('big')).toBe('ERROR 0 cache is full');
    expect(kept(cacheDir)).toEqual(['#.#-a', '#.json']);
    expect(logged('cannot be downloaded')).toHaveLength(1);
    expect(await get('a')).toBe(text(small(1)));
  });

  test('refuses a file of unknown size when it has grown too large', async () => {
    const origin = await fakeOrigin();
    origin.tricks.push((_, response) => response.writeHead(200, { etag: '"c"' }).end(big.bytes));
    const { get } = await rig({ url: origin.url, cacheDir: cacheFolder(), cacheBytes: 250_000 });
    expect(await get('big')).toBe('ERROR 0 cache is full');
  });

  test('that cannot be used is an error of this server, told in the log', async () => {
    const origin = await fakeOrigin({ a: 'a' });
    const cacheDir = join(cacheFolder(), 'file');
    await writeFile(cacheDir, '');
    const { get, logged } = await rig({ url: origin.url, cacheDir });
    expect(await get('a')).toBe('ERROR 0 download failed');
    expect(logged('cannot be downloaded')).toHaveLength(1);
  });

  test('leaves what is not its own alone', async () => {
    const origin = await fakeOrigin({ a: small(1), b: small(2) });
    const cacheDir = cacheFolder();
    await writeFile(join(cacheDir, 'notes.txt'), 'x'.repeat(200_000));
    await mkdir(join(cacheDir, 'a'.repeat(32)));
    const { get } = await rig({ url: origin.url, cacheDir, cacheBytes: 150_000 });
    expect(await get('a')).toBe(text(small(1)));
    expect(await get('b')).toBe(text(small(2)));
    expect(readdirSync(cacheDir)).toContain('notes.txt');
    expect(kept(cacheDir)).toContain('#.#-b');
    expect(kept(cacheDir)).not.toContain('#.#-a');
  });

  /** What may lie there after a crash: each is as good as nothing, and is put right. */
  test.each<[string, (path: (end: string) => string) => Promise<void>]>([
    ['a copy cut short', async (path) => writeFile(path('-file'), big.bytes.subarray(0, 1000))],
    ['a copy that has grown', async (path) => writeFile(path('-file'), Buffer.concat([big.bytes, big.bytes]))],
    ['an empty record', async (path) => writeFile(path('.json'), '')],
    ['half a record', async (path) => writeFile(path('.json'), (await readFile(path('.json'))).subarray(0, 40))],
    ['a record of something else', async (path) => writeFile(path('.json'), '{"version":7}')],
    [
      'a record that leads out',
      async (path) => writeFile(path('.json'), (await readFile(path('.json'), 'utf8')).replace(/"id":"\w+"/, '"id":"../../x"')),
    ],
  ])('survives %s', async (_, damage) => {
    const origin = await fakeOrigin({ file: big });
    const options = { url: origin.url, cacheDir: cacheFolder(), freshMs: 60_000 };
    const first = await rig(options);
    expect(await first.get('file')).toBe(text(big));
    await first.dispose();
    await damage((end) => join(options.cacheDir, readdirSync(options.cacheDir).find((name) => name.endsWith(end))!));
    const second = await rig(options);
    expect(await second.get('file')).toBe(text(big));
    expect(origin.asked).toHaveLength(2);
    expect(kept(options.cacheDir)).toEqual(whole);
  });

  test.each<[string, (path: (end: string) => string) => Promise<void>]>([
    ['a part shorter than its record says', async (path) => writeFile(path('.part'), 'x')],
    ['half a record of a part', async (path) => writeFile(path('.part.json'), '{')],
  ])('survives %s', async (_, damage) => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push(cutAfter(big, 300_000));
    const options = { url: origin.url, cacheDir: cacheFolder(), retryMs: 0 };
    const first = await rig(options);
    expect(await first.get('file')).toMatch(/^\d segments, then ERROR 0/);
    await first.dispose();
    await damage((end) => join(options.cacheDir, readdirSync(options.cacheDir).find((name) => name.endsWith(end))!));
    const second = await rig(options);
    expect(await second.get('file')).toBe(text(big));
    expect(kept(options.cacheDir)).toEqual(whole);
  });

  test('keeps what a download had when the server stopped; the next process goes on from there', async () => {
    const origin = await fakeOrigin({ file: big });
    origin.tricks.push((_, response) => {
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag });
      response.write(big.bytes.subarray(0, 200_000));
    });
    const options = { url: origin.url, cacheDir: cacheFolder() };
    const first = await rig(options);
    await (await opened(first.open('file'))).read(131_072, 60_000);
    await first.dispose();
    const second = await rig(options);
    expect(await second.get('file')).toBe(text(big));
    expect(origin.asked[1]?.headers['if-range']).toBe('"one"');
  });

  test.each<[string, Served]>([
    ['gone', changed],
    ['longer than the file is said to be now', { bytes: big.bytes.subarray(0, 50_000), etag: big.etag! }],
  ])('drops a part of a version that is %s', async (_, now) => {
    const origin = await fakeOrigin({ file: now });
    origin.tricks.push(cutAfter(big, 300_000));
    const options = { url: origin.url, cacheDir: cacheFolder(), retryMs: 0 };
    const first = await rig(options);
    expect(await first.get('file')).toMatch(/^\d segments, then ERROR 0/);
    expect(await first.get('file')).toBe(text(now));
    expect(kept(options.cacheDir)).toEqual(whole);
  });
});

describe('two generations', () => {
  test('of the same options share the download under way', async () => {
    const origin = await fakeOrigin();
    let goOn = () => {};
    origin.tricks.push((_, response) => {
      response.writeHead(200, { 'content-length': big.bytes.length, etag: big.etag });
      response.write(big.bytes.subarray(0, 200_000));
      goOn = () => response.end(big.bytes.subarray(200_000));
    });
    const options = { url: origin.url, cacheDir: cacheFolder(), lingerMs: 60_000 };
    const first = await rig(options);
    await (await opened(first.open('file'))).read(0, 65536);
    const second = await rig(options);
    const content = await opened(second.open('file'));
    await first.dispose();
    goOn();
    expect(await readAll(content)).toBe(text(big));
    expect(origin.asked).toHaveLength(1);
  });

  test('of different options write the same file at once, and harm each other in nothing', async () => {
    const origin = await fakeOrigin({ file: big });
    const cacheDir = cacheFolder();
    const rigs = await Promise.all([1, 2, 3, 4].map((each) => rig({ url: origin.url, cacheDir, connections: each })));
    const got = await Promise.all(rigs.flatMap(({ get }) => [get('file'), get('file')]));
    expect(got).toEqual(Array(8).fill(text(big)));
    await Promise.all(rigs.map(({ dispose }) => dispose()));
    expect(kept(cacheDir)).toEqual(whole);
    expect(rigs.flatMap(({ logged }) => logged('download failed'))).toEqual([]);
  });
});

describe('hostile names', () => {
  test.each([
    ...['../x', 'a/../../x', '%2e%2e/x', '..%2f..%2fx', 'what?x=1', 'a#b', '@evil.example/x', 'http://evil.example/x'],
    ...[
      'a\r\nX-Evil: 1',
      '\u001b[31mred',
      'a\u0000b',
      'x'.repeat(600),
      'naïve/Ω',
      '\ud800',
      '\u202eexe',
      '.part',
      'a.json',
      '.tmp',
    ],
  ])('%j leads neither above the URL nor out of the cache folder, and reaches no terminal as it is', async (name) => {
    const origin = await fakeOrigin();
    const cacheDir = cacheFolder();
    const { get, log } = await rig({ url: origin.url, cacheDir: join(cacheDir, 'in') });
    const seen: string[] = [];
    origin.tricks.push(({ url, headers }, response) => {
      seen.push(url!, ...Object.keys(headers));
      response.writeHead(200, { 'content-length': 2, etag: '"x"' }).end('ok');
    });
    expect(await get(name)).toMatch(/^(ok|ERROR 1 file not found)$/);
    expect(seen.slice(0, 1).every((url) => /^\/pub\/[!-~]*$/.test(url) && !/\/\.{0,2}(\/|$)|[?#]/.test(url.slice(4)))).toBe(true);
    expect(seen).not.toContain('x-evil');
    expect(readdirSync(cacheDir).filter((file) => file !== 'in')).toEqual([]);
    if (seen.length > 0) expect(kept(join(cacheDir, 'in'))).toEqual([expect.stringMatching(/^#\.#-[\w.-]{0,64}$/), '#.json']);
    expect(log.map(({ message, fields }) => message + fields.url).join()).not.toMatch(/[^\u0020-\u007e]/);
  });
});

describe('pxe check', () => {
  const findings = async (options: Parameters<typeof httpOrigin>[0]) => {
    const { definition, options: given } = httpOrigin(options);
    const keep = <T>(_name: string, make: () => T) => make();
    const context = {
      log: recordingLog(),
      configDir: cacheFolder(),
      watch() {},
      keep,
      stats: () => new Stats().snapshot(),
      sightings: { byAddress: () => undefined },
      folder: () => fakeFolder({}),
      caseInsensitive: false,
    };
    const checked = definition.options!.parse(given);
    const disposers: (() => unknown)[] = [];
    const hooks = await definition.setup(checked, { ...context, onDispose: (dispose) => void disposers.push(dispose) });
    const found = await hooks.check!({} as never);
    await Promise.all(disposers.map((dispose) => dispose()));
    return Array.from(
      found,
      ({ severity, path, message }) => `${severity} ${path.join('.')}: ${message.replace(/:\d+/, ':PORT')}`,
    );
  };

  test('has nothing to say of an origin that answers, though it shows no list', async () => {
    const origin = await fakeOrigin();
    const cacheDir = join(cacheFolder(), 'made/later');
    expect(await findings({ url: origin.url, cacheDir })).toEqual([]);
    expect(origin.asked).toMatchObject([{ method: 'HEAD', url: '/pub/' }]);
    expect(() => readdirSync(cacheDir)).toThrow('ENOENT');
  });

  test('tells what will not work', async () => {
    vi.stubEnv('PXE_TEST_TOKEN', 'secret-token');
    const origin = await fakeOrigin();
    const file = join(cacheFolder(), 'file');
    await writeFile(file, '');
    origin.tricks.push((_, response) => response.writeHead(401).end());
    const authorization = { env: 'PXE_TEST_TOKEN' };
    expect(await findings({ url: origin.url, cacheDir: `${file}/cache`, authorization })).toEqual([
      `error cacheDir: ${file} is not a folder`,
      'warning authorization: the origin rejected the credentials (answered 401)',
      'warning url: sends the credentials of authorization unencrypted; use https',
    ]);
    origin.tricks.push((_, response) => response.writeHead(503).end());
    expect(await findings({ url: origin.url, cacheDir: cacheFolder() })).toEqual(['warning url: the origin answered 503']);
    await origin.stop();
    expect(await findings({ url: origin.url, cacheDir: cacheFolder() })).toEqual([
      'warning url: the origin does not answer: connect ECONNREFUSED 127.0.0.1:PORT',
    ]);
  });
});

describe('options', () => {
  const good = { url: 'https://mirror.example/pub/', cacheDir: './cache' };

  test.each<[string, object, string[]]>([
    ['fit', {}, []],
    ['url: no URL', { url: 'mirror' }, ['url: must be an http or https URL without user, query or fragment']],
    ['url: another scheme', { url: 'ftp://x/' }, ['url: must be an http or https URL without user, query or fragment']],
    ['url: credentials', { url: 'https://a:b@x/' }, ['url: must be an http or https URL without user, query or fragment']],
    ['url: a query', { url: 'https://x/?sig=1' }, ['url: must be an http or https URL without user, query or fragment']],
    ['prefix: parent', { prefix: '../x' }, ['prefix: expected the start of a name, such as "os/"']],
    ['headers: a name that is none', { headers: { 'a b': 'x' } }, ['headers.a b: is not a header name']],
    [
      'headers: a value that is none',
      { headers: { a: 'x\r\ny' } },
      ['headers.a: contains characters that a header may not contain'],
    ],
    [
      'headers: credentials in the file',
      { headers: { Authorization: 'Bearer x' } },
      ['headers.Authorization: is set by the plugin itself; for credentials, use authorization'],
    ],
    ['authorization: in the file', { authorization: 'Bearer x' }, ['authorization: expected an object, found "Bearer x"']],
    ['cacheBytes', { cacheBytes: 0 }, ['cacheBytes: expected more than 0, found 0']],
  ])('%s', (_, options, issues) => {
    expect(issuesOf(httpOrigin({ ...good, ...options }))).toEqual(issues.map((issue) => expect.stringContaining(issue)));
  });
});
