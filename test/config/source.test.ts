/** What a config's text tells beside its value: keys that stand twice, and where a text is not JSON. */
import { expect, test } from 'vitest';
import { duplicateJsonKeys, duplicateKeys, placeOfJsonFault } from '../../src/config/source.ts';

test.each([
  ['export default { a: 1,\n b: 2,\n "a": 3 }', ['a 3:2 after 1']],
  ["f({ '1': 1, 1: 2 })", ['1 1:13 after 1']],
  ['({ a: { x: 1, x: 2 }, a: 3 })', ['a 1:23 after 1', 'x 1:15 after 1']],
  ['class A { m() { return { x: 1, x() {} } } }', ['x 1:32 after 1']],
  ['({ a: 1, ...rest, a: 2 })', []],
  ['({ get a() { return 1 }, set a(_) {} })', []],
  ['({ [a]: 1, [a]: 2 })', []],
  ['const { a, a: b } = c;', []],
  ['({ a: 1 }); ({ a: 2 })', []],
  ['not a program', []],
])('keys that stand twice: %s', (source, told) => {
  const found = duplicateKeys(source).map(({ key, line, column, firstLine }) => `${key} ${line}:${column} after ${firstLine}`);
  expect(found).toEqual(told);
});

test('keys that stand twice in JSON', () => {
  expect(duplicateJsonKeys('{ "a": 1,\n  "b": [{ "c": 1, "c": 2 }],\n  "a": 2 }')).toEqual([
    { key: 'a', line: 3, column: 3, firstLine: 1 },
    { key: 'c', line: 2, column: 19, firstLine: 2 },
  ]);
  expect(duplicateJsonKeys('{ "a": ')).toEqual([]);
});

test.each([
  ['{ "a": [1,\n  2,\n] }', '2:4'],
  ['{ "a": 1,\n}', '1:9'],
  ['{ // no\n "a": 1 }', '1:3'],
  ["{ 'a': 1 }", '1:3'],
  ['{ a: 1 }', '1:3'],
  ['{ "a": \'x\' }', '1:8'],
  ['{ "a": undefined }', '1:8'],
  ['{ "a": 0x10 }', '1:8'],
  ['{ "a": [1,,2] }', '1:8'],
  ['{ "a": -x }', '1:8'],
  ['{ "a": 1 "b": 2 }', '1:10'],
  ['{ "a": 1 } x', '1:12'],
  ['{ "a": 1', '1:9'],
  ['{ "a": -1.5e3, "b": [null, true, "x", {}], "c": [] }', undefined],
])('the first place that is not JSON: %s', (text, place) => {
  const found = placeOfJsonFault(text);
  expect(found && `${found.line}:${found.column}`).toBe(place);
  if (place === undefined) JSON.parse(text);
  else expect(() => JSON.parse(text)).toThrow();
});
