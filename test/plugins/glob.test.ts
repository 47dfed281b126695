import { describe, expect, test } from 'vitest';
import { covers, parseGlob } from '../../plugins/lib/glob.ts';

describe('match', () => {
  test.each<[string, string, readonly string[] | undefined]>([
    ['kernel', 'kernel', []],
    ['kernel', 'kernel2', undefined],
    ['*', 'kernel', ['kernel']],
    ['*', '', ['']],
    ['*', 'a/b', undefined],
    ['**', 'a/b', ['a/b']],
    ['cfg/*.cfg', 'cfg/a.cfg', ['a']],
    ['cfg/*.cfg', 'cfg/axcfg', undefined],
    ['**/*.efi', 'a/b/c.efi', ['a/b', 'c']],
    ['**a*b', 'xa/ya1b', ['xa/y', '1']],
    ['?x?', 'axb', ['a', 'b']],
    ['?', '/', undefined],
    ['?', '', undefined],
    ['*-*', 'a-b-c', ['a', 'b-c']],
    ['a*', 'ba', undefined],
    ['[a](b)|c', '[a](b)|c', []],
  ])('%s, %s: %o', (pattern, name, captures) => {
    expect(parseGlob(pattern).match(name)).toEqual(captures);
  });

  test('a name made to be tried in every way costs no more steps than letters times parts', () => {
    // A regular expression of this pattern would not come back within the age of the universe.
    const glob = parseGlob(`${'*a'.repeat(60)}b`);
    expect(glob.match('a'.repeat(2000))).toBeUndefined();
  });

  test('a name as long as names get', () => {
    expect(parseGlob('**z').match(`${'x/'.repeat(2047)}z`)).toEqual(['x/'.repeat(2047)]);
  });
});

test.each([
  ['*', 'a*', true],
  ['*', '**', false],
  ['**', 'a/*', true],
  ['*.efi', 'boot*.efi', true],
  ['boot*.efi', '*.efi', false],
  ['?', '*', false],
  ['*', '?', true],
  ['a*', 'a*', true],
  ['*/x', '**/x', false],
])('%s covers %s: %s', (wide, narrow, expected) => {
  expect(covers(parseGlob(wide), narrow)).toBe(expected);
});
