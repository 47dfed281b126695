import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/base/refusal.ts';
import { cleanName } from '../../src/content/name.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';

const NOT_FOUND = 1;
const VIOLATION = 2;

/** The clean name, or the code that a TFTP client gets. */
function clean(asked: string, platform: string): string | number {
  try {
    return cleanName(asked, platform);
  } catch (error) {
    if (error instanceof Refusal) return codeOf(error);
    throw error;
  }
}

describe('every platform', () => {
  test.each<[asked: string, expected: string | number]>([
    ['pxelinux.0', 'pxelinux.0'],
    ['boot/grub/grub.cfg', 'boot/grub/grub.cfg'],
    ['/pxelinux.0', 'pxelinux.0'],
    ['//boot///grub.cfg', 'boot/grub.cfg'],
    ['./boot/./x', 'boot/x'],
    ['\\Boot\\BCD', 'Boot/BCD'],
    ['\\\\boot\\x', 'boot/x'],
    ['/EFI\\BOOT/grubx64.efi', 'EFI/BOOT/grubx64.efi'],
    ['boot/', 'boot'],
    // Option 67 without its NUL.
    ['undionly.kpxe\u00ff', 'undionly.kpxe'],
    ['undionly.kpxe\ufffd\ufffd', 'undionly.kpxe'],
    ['undionly.kpxe\0\0', 'undionly.kpxe'],
    ['undionly.kpxe\u0003 \t\u00ff  \r\n', 'undionly.kpxe'],
    ['boot/\u00ff', 'boot'],
    ['boot/x\u00ff/', 'boot/x'],
    ['boot/.\u00ff', 'boot'],
    ['\u00ff', NOT_FOUND],
    ['a name with spaces', 'a name with spaces'],
    ['trailing space ', 'trailing space '],
    ['grüße', 'grüße'],
    ['x\u00ffy', 'x\u00ffy'],
    ['', NOT_FOUND],
    ['/', NOT_FOUND],
    ['.', NOT_FOUND],
    ['./.', NOT_FOUND],
    ['..', VIOLATION],
    ['../x', VIOLATION],
    ['..\\x', VIOLATION],
    ['a/../../x', VIOLATION],
    ['a/../x', VIOLATION],
    ['a/..', VIOLATION],
    ['a/..\u00ff', VIOLATION],
    ['..\0', VIOLATION],
    ['/..', VIOLATION],
    ['...', '...'],
    ['..x', '..x'],
    ['a..b', 'a..b'],
    ['ROOT-secret/x', 'ROOT-secret/x'],
    // No decoding of any kind.
    ['%2e%2e/x', '%2e%2e/x'],
    ['..%2fx', '..%2fx'],
    ['%s%n%x', '%s%n%x'],
    // Overlong UTF-8 of `../x` and `..`, which is not UTF-8 and so was read as Latin-1.
    ['\u00c0\u00ae\u00c0\u00ae/x', '\u00c0\u00ae\u00c0\u00ae/x'],
    ['..\u00c0\u00afx', '..\u00c0\u00afx'],
    ['a\0b', NOT_FOUND],
    ['a\0/../b', VIOLATION],
    ['x\u001b[31m/y', NOT_FOUND],
    ['x\u009b31m/y', NOT_FOUND],
    ['a\nb', NOT_FOUND],
    ['\u007fx', NOT_FOUND],
    ['a'.repeat(255), 'a'.repeat(255)],
    ['a'.repeat(256), NOT_FOUND],
    ['ü'.repeat(127), 'ü'.repeat(127)],
    ['ü'.repeat(128), NOT_FOUND],
    [`a/${'b'.repeat(256)}/c`, NOT_FOUND],
    ['a/'.repeat(2048), 'a/'.repeat(2048).slice(0, -1)],
    ['a/'.repeat(2049), NOT_FOUND],
  ])('$0: $1', (asked, expected) => {
    expect(clean(asked, 'linux')).toBe(expected);
  });
});

describe('Windows', () => {
  const names: [asked: string, refused: boolean][] = [
    ['CON', true],
    ['con', true],
    ['NUL.txt', true],
    ['NUL .txt', true],
    ['boot/COM1', true],
    ['COM1/boot', true],
    ['LPT9.x.y', true],
    ['COM\u00b2', true],
    ['CONIN$', true],
    ['C:x', true],
    ['C:\\x', true],
    ['x::$DATA', true],
    ['x:stream', true],
    ['x.', true],
    ['x ', true],
    ['x./y', true],
    ['...', true],
    ['a?b', true],
    ['a*', true],
    ['<a>', true],
    ['a|b', true],
    ['"a"', true],
    ['\\\\?\\C', true],
    ['CONSOLE', false],
    ['COM10', false],
    ['COM', false],
    ['x.CON', false],
    ['boot/x.efi', false],
  ];

  test.each(names)('%j: refused is %s', (asked, refused) => {
    expect(clean(asked, 'win32') === NOT_FOUND).toBe(refused);
  });

  test.each(names.filter(([asked]) => !asked.includes('\\')))('%j is a name like any other elsewhere', (asked) => {
    expect(clean(asked, 'linux')).toBe(asked);
  });
});

test('any text is refused by a Refusal or cleaned to a name that is safe and stays as it is', () => {
  const hostile = fc.string({ unit: fc.constantFrom('a', '.', '/', '\\', ' ', '\0', '\u00ff', '\ufffd', '\t', ':', 'é') });
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: 'binary' })), fc.constantFrom('linux', 'win32'), (asked, platform) => {
      const name = clean(asked, platform);
      if (typeof name === 'number') return;
      expect(clean(name, platform)).toBe(name);
      for (const component of name.split('/')) expect(['', '.', '..']).not.toContain(component);
      expect(name).not.toContain('\0');
    }),
    { numRuns: 500 },
  );
});

test('a hostile name of 65,000 bytes costs next to nothing', () => {
  const start = performance.now();
  for (const name of ['\u00ff'.repeat(65_000), '/'.repeat(65_000), `${'\0'.repeat(4000)}a`]) clean(name, 'linux');
  expect(performance.now() - start).toBeLessThan(200);
});
