/** No name and no redirect leads anywhere but beneath the base. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isHost, Location } from '../../../plugins/http-origin/location.ts';

const location = new Location('https://mirror.example:8443/pub/os');
const base = 'https://mirror.example:8443/pub/os/';

describe('a name', () => {
  test.each([
    ['kernel', 'kernel'],
    ['debian/vmlinuz', 'debian/vmlinuz'],
    ['a b+c&d=e', 'a%20b%2Bc%26d%3De'],
    ['what?x=1', 'what%3Fx%3D1'],
    ['a#b', 'a%23b'],
    ['%2e%2e/x', '%252e%252e/x'],
    ['..%2fx', '..%252fx'],
    ['a\\..\\b', 'a%5C..%5Cb'],
    ['...', '...'],
    ['..;/x', '..%3B/x'],
    ['a\r\nHost: evil', 'a%0D%0AHost%3A%20evil'],
    ['\u001b[31mred', '%1B%5B31mred'],
    ['a\u0000b', 'a%00b'],
    ['@evil.example', '%40evil.example'],
    ['http:', 'http%3A'],
    ['naïve/Ω', 'na%C3%AFve/%CE%A9'],
    ['\u{1f427}', '%F0%9F%90%A7'],
    ['x'.repeat(4000), 'x'.repeat(4000)],
  ])('%j', (name, path) => {
    expect(location.urlOf(name)?.href).toBe(base + path);
  });

  test.each([
    '',
    '..',
    '.',
    '../x',
    'x/..',
    'a/../../x',
    'a/./b',
    'a//b',
    '/etc/passwd',
    '//evil.example/x',
    'x/',
    '\ud800',
  ])('%j has no URL', (name) => {
    expect(location.urlOf(name)).toBeUndefined();
  });

  test('whatever it is: its URL is beneath the base, and is read back as the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        const url = location.urlOf(name);
        if (url === undefined) return;
        const { href, search, hash, username, password } = url;
        const back = decodeURIComponent(href.slice(base.length));
        if (!href.startsWith(base) || search + hash + username + password !== '' || back !== name) throw new Error(href);
      }),
    );
  });
});

describe('a redirect', () => {
  const from = new URL(`${base}a/kernel`);

  test.each([
    ['kernel-2', `${base}a/kernel-2`],
    ['../b', `${base}b`],
    ['/pub/os/b', `${base}b`],
    [`${base}b?token=x`, `${base}b?token=x`],
    ['?again=1', `${base}a/kernel?again=1`],
  ])('%j leads on', (to, expected) => {
    expect(location.redirected(from, to)?.href).toBe(expected);
  });

  test.each([
    'https://evil.example/pub/os/kernel',
    '//evil.example/pub/os/kernel',
    'https://mirror.example/pub/os/kernel',
    'http://mirror.example:8443/pub/os/kernel',
    'https://mirror.example:8443@evil.example/pub/os/kernel',
    'https://user:secret@mirror.example:8443/pub/os/kernel',
    '/pub/osx/kernel',
    '/pub/',
    '../../secret',
    '..\\..\\secret',
    '%2e%2e/%2e%2e/secret',
    'file:///etc/passwd',
    'javascript:1',
    'https://',
  ])('%j leads nowhere', (to) => {
    expect(location.redirected(from, to)).toBeUndefined();
  });
});

describe('a redirect to another host', () => {
  const listed = ['cdn.example', '*.files.example', 'alt.example:8443', 'plain.example:80', '[2001:db8::1]'];

  test.each<[from: string, to: string, allowed: boolean]>([
    ['https', 'https://cdn.example/x?signature=1', true],
    ['https', 'https://CDN.example:443/x', true],
    ['https', 'https://cdn.example:8443/x', false],
    ['https', 'https://www.cdn.example/x', false],
    ['https', 'https://cdn.example.evil.example/x', false],
    ['https', 'https://evilcdn.example/x', false],
    ['https', 'https://a.b.files.example/x', true],
    ['https', 'https://files.example/x', false],
    ['https', 'https://evilfiles.example/x', false],
    ['https', 'https://alt.example:8443/x', true],
    ['https', 'https://alt.example/x', false],
    ['https', 'https://[2001:db8::1]/x', true],
    ['https', 'https://user@cdn.example/x', false],
    ['https', 'https://cdn.example@evil.example/x', false],
    ['https', 'http://cdn.example/x', false],
    ['http', 'http://cdn.example/x', true],
    ['http', 'https://cdn.example/x', true],
    ['http', 'http://plain.example/x', true],
    ['http', 'ftp://cdn.example/x', false],
  ])('from %s to %s: %s', (protocol, to, allowed) => {
    const location = new Location(`${protocol}://mirror.example/pub/`, listed);
    expect(location.redirected(new URL(`${protocol}://mirror.example/pub/kernel`), to) !== undefined).toBe(allowed);
  });

  test.each([
    'cdn.example',
    'cdn.example:8443',
    '*.cdn.example',
    '192.0.2.1',
    '[2001:db8::1]:80',
    'localhost',
  ])('%s is one', (host) => {
    expect(isHost(host)).toBe(true);
  });

  test.each([
    '',
    '*',
    '*.',
    'https://cdn.example',
    'cdn.example/x',
    'a@b',
    'cdn..example',
    '*.*.example',
    'a:b',
    '2001:db8::1',
  ])('%j is none', (host) => {
    expect(isHost(host)).toBe(false);
  });
});
