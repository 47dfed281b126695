import { expect, test } from 'vitest';
import { ClientError } from '../../../src/tftp/client/error.ts';
import { parseUrl } from '../../../src/tftp/client/url.ts';

test.each([
  ['tftp://192.168.7.1/pxelinux.0', '192.168.7.1', 69, 'pxelinux.0'],
  ['tftp://boot.example:6969/a/b', 'boot.example', 6969, 'a/b'],
  ['TFTP://host//etc/name', 'host', 69, '/etc/name'],
  ['tftp://[::1]/x', '::1', 69, 'x'],
  ['tftp://[::1]:70/x', '::1', 70, 'x'],
  ['tftp://[fe80::1%25eth0]/x', 'fe80::1%eth0', 69, 'x'],
  ['tftp://[fe80::1%eth0]/x', 'fe80::1%eth0', 69, 'x'],
  ['tftp://h/with%20space;v=1?#', 'h', 69, 'with space;v=1?#'],
  ['tftp://h/100%', 'h', 69, '100%'],
])('%s', (url, host, port, name) => {
  expect(parseUrl(url)).toEqual({ host, port, name });
});

test.each([
  '',
  'h/x',
  'http://h/x',
  'tftp://h',
  'tftp://h/',
  'tftp:///x',
  'tftp://h:0/x',
  'tftp://h:65536/x',
  'tftp://::1/x',
])('"%s" is none', (url) => {
  expect(() => parseUrl(url)).toThrow(ClientError);
});
