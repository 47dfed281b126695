/** What holds whatever the input: no data file makes the reader throw, and every mistake has a place; patterns match what they say. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvInventory } from '../../../plugins/hosts/csv.ts';
import { groupIssues } from '../../../plugins/hosts/inventory.ts';
import type { Read } from '../../../plugins/hosts/read.ts';
import { Registry } from '../../../plugins/hosts/registry.ts';
import { yamlInventory } from '../../../plugins/hosts/yaml.ts';
import { parseGlob } from '../../../plugins/lib/glob.ts';

const pieces = fc.constantFrom(
  ...[
    'mac',
    'address',
    'groups',
    'file:a',
    'var.x',
    '__proto__',
    'hosts',
    'default',
    '52:54:00:12:34:56',
    '10.0.0.0/8',
    'name:*',
    '../x',
  ],
  ...[
    ',',
    ';',
    '\t',
    '\n',
    '\r\n',
    '"',
    "'",
    ':',
    ': ',
    '- ',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '#',
    '\ufeff',
    '\u0000',
    '\ud800',
    '!!js ',
    '|',
    '%',
  ],
);
const texts = fc.oneof(
  fc
    .array(fc.oneof({ weight: 5, arbitrary: pieces }, fc.string({ unit: 'binary', maxLength: 5 })), { maxLength: 40 })
    .map((parts) => parts.join('')),
  fc.json(),
);

function hold({ inventory, issues }: Read, lines: number): void {
  for (const { message, place } of issues) {
    expect(message).not.toBe('');
    expect(place?.file).toBe('f');
    expect(place?.line).toBeGreaterThanOrEqual(1);
    expect(place?.line).toBeLessThanOrEqual(lines);
  }
  if (groupIssues(inventory).length > 0) return;
  // Whatever was accepted can be looked up.
  const registry = new Registry(inventory);
  for (const entry of registry.match({ mac: '52:54:00:12:34:56', address: '10.1.2.3' }, 'a')) {
    for (const layer of entry.layers) layer.target('a', {});
  }
}

const lineCount = (text: string) => text.split(/\r\n|\n|\r/).length;

test.each([
  ['CSV', csvInventory],
  ['YAML', yamlInventory],
] as const)('%s of any text: hosts, or mistakes with their places', (_, read) => {
  fc.assert(
    fc.property(texts, (text) => hold(read('f', text), lineCount(text))),
    { numRuns: 3000, examples: [['"\r\n\r\nmac'], ['\n\r\n\r\nvar.x']] },
  );
});

test('a mistake in a table is in the line where an editor shows it, however lines end', () => {
  const ends = fc.array(fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\n# a comment\r\n'), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(ends, fc.boolean(), (ends, quoted) => {
      const good = quoted ? '"52:54:00:12:34:56","first\r\nsecond"' : '52:54:00:12:34:56,first';
      const text = ['mac,var.x', ...ends.slice(1).map(() => good), 'nonsense,x']
        .map((line, i) => line + (ends[i] ?? ''))
        .join('');
      expect(csvInventory('f', text).issues.map(({ place }) => place)).toEqual([{ file: 'f', line: lineCount(text) }]);
    }),
  );
});

test('a pattern matches what a regular expression of it matches, and its captures put it together again', () => {
  const patterns = fc.array(fc.constantFrom('*', '**', '?', 'a', 'b', '/', '.'), { maxLength: 6 }).map((parts) => parts.join(''));
  const names = fc.array(fc.constantFrom('a', 'b', '/', '.'), { maxLength: 8 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(patterns, names, (pattern, name) => {
      const source = pattern.replace(/\*\*|[*?.]/g, (found) => ({ '**': '[^]*', '*': '[^/]*', '?': '[^/]', '.': '\\.' })[found]!);
      const match = parseGlob(pattern).match(name);
      expect(match !== undefined).toBe(new RegExp(`^${source}$`).test(name));
      if (match === undefined) return;
      const rest = [...match];
      expect(pattern.replace(/\*\*|[*?]/g, () => rest.shift()!)).toBe(name);
      expect(rest).toEqual([]);
    }),
    { numRuns: 5000 },
  );
});
