import { rewrite } from 'pxe/plugins';
import { expect, test } from 'vitest';
import { issuesOf, serving } from './support.ts';

type Options = Parameters<typeof rewrite>[0];

test.each<[string, Options, string, string]>([
  ['a regular expression', [{ match: /^boot\//i, replace: '' }], 'Boot/kernel', 'kernel'],
  ['one as text', [{ match: '/^boot\\//i', replace: '' }], 'Boot/kernel', 'kernel'],
  ['groups', [{ match: /^(?<a>.)(.)/, replace: '$2$<a>$&' }], 'xy', 'yxxy'],
  ['a whole name', [{ match: 'a.b', replace: 'c' }], 'a.b', 'c'],
  ['a whole name is no pattern', [{ match: 'a.b', replace: 'c' }], 'axb', 'axb'],
  ['a whole name is no part', [{ match: 'a', replace: 'c' }], 'ab', 'ab'],
  ['one match', [{ match: /a/, replace: 'b' }], 'aaa', 'baa'],
  ['all matches', [{ match: /a/g, replace: 'b' }], 'aaa', 'bbb'],
  [
    'rules run on, top-down',
    [
      { match: /a/, replace: 'b' },
      { match: /b/, replace: 'c' },
    ],
    'a',
    'c',
  ],
  [
    'until the last',
    [
      { match: /a/, replace: 'b', last: true },
      { match: /b/, replace: 'c' },
    ],
    'a',
    'b',
  ],
  [
    'last counts only where it matches',
    [
      { match: /x/, replace: 'y', last: true },
      { match: /b/, replace: 'c' },
    ],
    'b',
    'c',
  ],
  [
    'a function for one match',
    [{ match: /[0-9]+/, replace: (match, { client }) => `<${match[0]}@${client.address}>` }],
    'a1b2',
    'a<1@192.168.7.20>b2',
  ],
  ['a function for all', [{ match: /[0-9]+/g, replace: (match) => `<${match[0]}>` }], 'a1b22', 'a<1>b<22>'],
  [
    'a function gets the name as it is by now',
    [
      { match: /a/, replace: 'b' },
      { match: /b/, replace: (_, { name }) => `${name}!` },
    ],
    'a',
    'b!',
  ],
  ['a sticky expression keeps no state', [{ match: /a/y, replace: 'b' }], 'xa', 'xb'],
  ['a function instead of rules', ({ name, client }) => `${name}.${client.port}`, 'a', 'a.2070'],
  ['one that answers later', async ({ name }) => `${name}/b`, 'a', 'a/b'],
  ['one that has no answer', () => undefined, 'a', 'a'],
  ['no rules', [], 'a', 'a'],
])('%s', async (_, options, name, rewritten) => {
  const { get } = await serving(rewrite(options), [rewritten]);
  // Twice: a regular expression with the flag g has a memory.
  expect([await get(name), await get(name)]).toEqual([rewritten, rewritten]);
});

test('a rule that leaves the root refuses the request', async () => {
  const { get, around } = await serving(rewrite([{ match: /^/, replace: '../' }]), []);
  expect(await get('a')).toBe('ERROR 2');
  expect(around.log.lines).toMatchObject([{ level: 'warn', fields: { plugin: 'rewrite', hook: 'rewrite', returned: '../a' } }]);
});

test.each([
  [[{ match: '/(/', replace: '' }], '0.match: is no valid regular expression'],
  [[{ match: /a/, replace: 5 }], '0.replace: expected text or a function, found 5'],
  [[{ match: /a/ }], '0.replace: expected text or a function, found nothing'],
  [5, ': expected an array of rules, or a function, found 5'],
])('%o is refused', (options, message) => {
  expect(issuesOf(rewrite(options as Options))).toEqual([message]);
});
