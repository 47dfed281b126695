import { rewrite } from 'pxe/plugins';
import { describe, expect, test } from 'vitest';
import type { Trace } from '../../src/plugin/trace.ts';
import type { Finding } from '../../src/plugin/types.ts';
import { readRequest, writeRequest } from '../plugin/support.ts';
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

describe('when: exists', () => {
  const rules: Options = [
    { match: /^/, replace: 'hosts/web1/', when: 'exists' },
    { match: /^/, replace: (_, { client }) => `hosts/${client.address}/`, when: 'exists' },
    { match: /\.efi$/, replace: '.signed.efi' },
    { match: /^/, replace: 'default/', when: 'exists' },
    { match: /^/, replace: 'none/' },
  ];

  test.each([
    ['stops where there is such a file', 'a.efi', 'hosts/web1/a.efi'],
    ['is undone where there is none', 'b.efi', 'hosts/192.168.7.20/b.efi'],
    ['goes on with what other rules have made', 'c.efi', 'default/c.signed.efi'],
    ['goes on to the end', 'd', 'none/d'],
  ])('%s', async (_, name, served) => {
    const files = ['hosts/web1/a.efi', 'hosts/192.168.7.20/a.efi', 'hosts/192.168.7.20/b.efi', 'default/c.signed.efi', 'none/d'];
    const { get } = await serving(rewrite(rules), files);
    expect(await get(name)).toBe(served);
  });

  test('what was looked for stands in the trace; without such a rule nothing is looked for', async () => {
    const trace: Trace = [];
    await (await serving(rewrite(rules), [])).get('a', {}, trace);
    const lookups = ['hosts/web1/a', 'hosts/192.168.7.20/a', 'default/a'].map((name) => ({ name, found: false }));
    expect(trace[0]).toMatchObject({ hook: 'rewrite', after: 'none/a', note: 'rule 5', lookups });
  });

  test('rules that need no file answer at once', async () => {
    const hooks = await rewrite([{ match: 'a', replace: 'b' }]).definition.setup([{ match: 'a', replace: 'b' }], {} as never);
    expect(hooks.rewrite?.(readRequest('a'), { note() {} } as never)).toMatchObject({ name: 'b' });
  });
});

test.each<[string, Options & readonly unknown[], readonly string[]]>([
  [
    'what is fine',
    [
      { match: /^boot\//, replace: '' },
      { match: 'a.b', replace: 'c' },
      { match: '/^x/', replace: '' },
    ],
    [],
  ],
  [
    'text that looks like an expression',
    [{ match: '^x/', replace: '' }],
    ['0 as text, matches only a file of exactly this name; write a regular expression between slashes: "/^x\\\\//"'],
  ],
  [
    'a whole name with a slash in front',
    [{ match: '//boot', replace: '' }],
    ['0 never matches: names have no leading slash and no double slashes'],
  ],
  [
    'an expression without slashes that is none yet',
    [{ match: '^boot(/', replace: '' }],
    ['0 as text, matches only a file of exactly this name; write a regular expression between slashes: "/^boot\\\\(\\\\//"'],
  ],
  ['an expression with a slash in front', [{ match: /^\/boot/, replace: '' }], ['0 never matches: names have no leading slash']],
  [
    '… that an earlier rule may have put there',
    [
      { match: /^boot/, replace: '/boot' },
      { match: /^\/boot/, replace: '' },
    ],
    [],
  ],
  ['… or that may be missing', [{ match: /^\/?boot/, replace: '' }], []],
  [
    'the same as one above, which is the last',
    [
      { match: /^a/, replace: 'b', last: true },
      { match: /^a/g, replace: 'c' },
    ],
    ['1 never matches: rule 1 matches all the same names, and no rule after it is tried'],
  ],
  [
    '… unless a rule between makes such a name',
    [
      { match: /^a/, replace: 'b', last: true },
      { match: /^c/, replace: 'a' },
      { match: /^a/, replace: 'd' },
    ],
    [],
  ],
  [
    '… or it stops only for files',
    [
      { match: /^/, replace: 'b/', when: 'exists' },
      { match: /^/, replace: 'c/' },
    ],
    [],
  ],
  [
    'behind a rule for everything',
    [
      { match: /^/, replace: 'b/', last: true },
      { match: /^c/, replace: 'd' },
    ],
    ['1 never matches: rule 1 matches all the same names, and no rule after it is tried'],
  ],
])('check: %s', async (_, options, findings) => {
  const { check } = await rewrite(options).definition.setup(options, {} as never);
  const found = [...((await check?.({} as never)) as Iterable<Finding>)];
  expect(found.map(({ path, message }) => `${String(path[0])} ${message}`)).toEqual(findings);
});

describe('uploads', () => {
  const rules: Options = [
    { match: /^a\//, replace: 'read/' },
    { match: /^b\//, replace: 'write/', requests: 'write' },
    { match: /^c\//, replace: 'all/', requests: 'all' },
    { match: /^d\//, replace: 'new/', requests: 'all', when: 'exists' },
  ];

  test.each([
    ['a/x', 'read/x', 'a/x'],
    ['b/x', 'b/x', 'write/x'],
    ['c/x', 'all/x', 'all/x'],
    ['d/x', 'd/x', 'new/x'],
  ])('%s: read as %s, written as %s', async (name, read, write) => {
    const { pipeline } = await serving(rewrite(rules), []);
    expect((await pipeline.route(readRequest(name))).request.name).toBe(read);
    expect((await pipeline.route(writeRequest(name))).request.name).toBe(write);
  });

  test('a function in place of rules is not asked', async () => {
    const { pipeline } = await serving(
      rewrite(() => 'other'),
      [],
    );
    expect((await pipeline.route(writeRequest('log'))).request.name).toBe('log');
  });

  test('a rule for reads that is the last takes nothing from one for uploads', async () => {
    const { pipeline } = await serving(
      rewrite([
        { match: /^/, replace: 'r/', last: true },
        { match: /^/, replace: 'w/', requests: 'write' },
      ]),
      [],
    );
    expect(await pipeline.check()).toEqual([]);
  });
});

test('a rule that leaves the root refuses the request', async () => {
  const { get, env } = await serving(rewrite([{ match: /^/, replace: '../' }]), []);
  expect(await get('a')).toBe('ERROR 2');
  expect(env.log.lines).toMatchObject([{ level: 'warn', fields: { plugin: 'rewrite', hook: 'rewrite', returned: '../a' } }]);
});

test.each([
  [[{ match: '/(/', replace: '' }], '0.match: is not a valid regular expression: unterminated group'],
  [[{ match: /a/, replace: 5 }], '0.replace: expected text or a function, found 5'],
  [[{ match: /a/ }], '0.replace: expected text or a function, found nothing'],
  [5, ': expected an array of rules, or a function, found 5'],
])('%o is refused', (options, message) => {
  expect(issuesOf(rewrite(options as Options))).toEqual([message]);
});
