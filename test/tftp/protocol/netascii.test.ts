import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeNetascii, NetasciiDecoder } from '../../../src/tftp/protocol/netascii.ts';

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (array: Uint8Array) => String.fromCharCode(...array);

/** Decodes text given in these pieces. */
function decode(...pieces: string[]): string {
  const decoder = new NetasciiDecoder();
  return pieces.map((piece) => text(decoder.decode(bytes(piece)))).join('') + text(decoder.end());
}

test.each([
  ['', ''],
  ['plain', 'plain'],
  ['a\nb', 'a\r\nb'],
  ['\n', '\r\n'],
  ['\n\n', '\r\n\r\n'],
  ['a\rb', 'a\r\0b'],
  ['a\r\nb', 'a\r\0\r\nb'],
  ['\r', '\r\0'],
  ['\r\r\n', '\r\0\r\0\r\n'],
  ['a\0b', 'a\0b'],
  ['\u00ff\u0080', '\u00ff\u0080'],
])('%j is %j in netascii', (local, netascii) => {
  expect(text(encodeNetascii(bytes(local)))).toBe(netascii);
  expect(decode(netascii)).toBe(local);
});

test.each<[pieces: string[], local: string]>([
  [['a\r', '\nb'], 'a\nb'],
  [['a\r', '\0b'], 'a\rb'],
  [['a\r', '', '\nb'], 'a\nb'],
  [['\r', '\r', '\n'], '\r\n'],
  [['a\r'], 'a\r'],
  [['a\r', ''], 'a\r'],
  // Not netascii; kept as it is.
  [['a\rb'], 'a\rb'],
  [['a\r', 'b'], 'a\rb'],
  [['a\nb'], 'a\nb'],
  [['\r\r\r\n'], '\r\r\n'],
])('%j decodes to %j', (pieces, local) => {
  expect(decode(...pieces)).toBe(local);
});

test('a decoder starts anew after the end', () => {
  const decoder = new NetasciiDecoder();
  decoder.decode(bytes('a\r'));
  decoder.end();
  expect(text(decoder.decode(bytes('\n')))).toBe('\n');
});

test('any bytes come back, in whatever pieces they are encoded and decoded', () => {
  const unit = fc.constantFrom('\r', '\n', '\0', 'a', '\u00ff');
  fc.assert(
    fc.property(fc.array(fc.string({ unit })), fc.array(fc.nat(20)), (locals, cuts) => {
      const netascii = locals.map((local) => text(encodeNetascii(bytes(local)))).join('');
      expect(netascii).toBe(text(encodeNetascii(bytes(locals.join('')))));
      const pieces: string[] = [];
      let rest = netascii;
      for (const cut of cuts) {
        pieces.push(rest.slice(0, cut));
        rest = rest.slice(cut);
      }
      expect(decode(...pieces, rest)).toBe(locals.join(''));
    }),
  );
});
