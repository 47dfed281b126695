/** The URL that files are offered by, on each wire. */
import { expect, test } from 'vitest';
import { ANY_SERVER, httpOriginOf } from '../../src/server/http-origin.ts';
import { resolveConfig } from '../kit/config.ts';

const all = [
  { address: '0.0.0.0', port: 80 },
  { address: '::', port: 8080 },
];

test.each<
  [what: string, listen: readonly { readonly address: string; readonly port: number }[], server: string, string | undefined]
>([
  ['all addresses', all, '192.168.7.1', 'http://192.168.7.1'],
  ['all addresses of IPv6', all, '2001:db8::1', 'http://[2001:db8::1]:8080'],
  ['this address', [{ address: '192.168.7.1', port: 8080 }], '192.168.7.1', 'http://192.168.7.1:8080'],
  ['another one', [{ address: '192.168.7.1', port: 80 }], '10.2.0.1', undefined],
  [
    'another one, too',
    [
      { address: '10.2.0.1', port: 81 },
      { address: '192.168.7.1', port: 82 },
    ],
    '192.168.7.1',
    'http://192.168.7.1:82',
  ],
  ['IPv6 only', [{ address: '::', port: 80 }], '192.168.7.1', undefined],
  ['some address, where the server is not known', [{ address: '192.168.7.1', port: 80 }], ANY_SERVER, `http://${ANY_SERVER}`],
])('HTTP on %s', (_, listen, server, origin) => {
  expect(httpOriginOf(resolveConfig({ rootDir: '.', http: { listen } }, { dir: '/' }), server)).toBe(origin);
});

test('not without HTTP', () => {
  expect(httpOriginOf(resolveConfig({ rootDir: '.' }, { dir: '/' }), '192.168.7.1')).toBeUndefined();
});
