/** Regular expressions of a config on names that were made to keep them busy: each ends, and `check` tells which need that. */

import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { rewrite, tftpdMap } from 'pxe/plugins';
import { beforeAll, describe, expect, test } from 'vitest';
import { findAttack } from '../../plugins/lib/regexp/attack.ts';
import { boundRegExp, JUDGED_LENGTH } from '../../plugins/lib/regexp/bounded.ts';
import { GaveUp, TimeGuard } from '../../plugins/lib/regexp/guard.ts';
import { maxSteps } from '../../plugins/lib/regexp/steps.ts';
import { codeOf } from '../../src/tftp/protocol/refusal.ts';
import { folderOf } from '../config/support.ts';
import { environment, fakeFolder, readRequest, start } from '../plugin/support.ts';

// What `pxe` does as it starts. No test file shares a process with another.
beforeAll(() => setFlagsFromString('--enable-experimental-regexp-engine'));

/** Expressions that hang a backtracking engine, how each is bounded, and the repetition that is to blame. */
const hanging: readonly [RegExp, 'linear' | 'time', string][] = [
  [/^(a+)+$/, 'linear', '(a+)+'],
  [/^(a|a)*$/, 'linear', '(a|a)*'],
  [/^(.*?,){11}P/, 'linear', '(.*?,){11}'],
  [/(x+x+)+y/, 'linear', '(x+x+)+'],
  [/a*a*a*a*a*a*b/, 'linear', 'a*'],
  [/^(([a-z])+.)+[A-Z]([a-z])+$/, 'linear', '(([a-z])+.)+'],
  [/^(a+)+$/i, 'time', '(a+)+'],
  [/^(a+)+$/g, 'time', '(a+)+'],
  [/^(\w+\s?)*$/i, 'time', '\\w+'],
  [/^(?=(a+)+$)/, 'time', '(a+)+'],
  [/^(a+)+\1$/, 'time', '(a+)+'],
  [/^((a{1,20}){1,20})+$/, 'time', '((a{1,20}){1,20})+'],
  [/^(?:é+)+$/iu, 'time', '(?:é+)+'],
];

/** What people write. None hangs; what may not be proved so without trying is bounded all the same. */
const harmless: readonly [RegExp, 'steps' | 'linear' | 'time'][] = [
  [/^boot\//i, 'steps'],
  [/\\/g, 'steps'],
  [/^(.*)\/(.*)\.cfg$/i, 'steps'],
  [/(.*)\.efi/, 'steps'],
  [/^.*?([^/]+)\.0$/, 'steps'],
  [/^pxelinux\.cfg\/01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})$/i, 'steps'],
  [/^(?<arch>x64|arm64)\/(?!debian)/, 'steps'],
  [/(a)\1/, 'steps'],
  [/^(?:[^/]+\/)*boot$/, 'linear'],
  [/^(?:[^/]+\/)*boot$/i, 'time'],
  [/([0-9a-f]{2}[:-]?)+$/i, 'time'],
];

const HOSTILE = ['a', 'x', 'é', 'x,', 'a/'].map((text) => `${text.repeat(JUDGED_LENGTH / text.length)}!`);

describe('how an expression is bounded', () => {
  test.each([...hanging.map(([regExp, bound]) => [regExp, bound] as const), ...harmless])('%s: %s', (regExp, bound) => {
    expect(boundRegExp(regExp).bound).toBe(bound);
  });

  test('where the program has no linear engine, by time', () => {
    setFlagsFromString('--no-enable-experimental-regexp-engine');
    try {
      expect(boundRegExp(/^(a+)+$/).bound).toBe('time');
    } finally {
      setFlagsFromString('--enable-experimental-regexp-engine');
    }
  });

  test('a syntax that the parser does not know counts as boundless', () => {
    const unknown = { source: '(?<', flags: '', unicode: false, unicodeSets: false, multiline: false } as RegExp;
    expect(maxSteps(unknown, 10)).toBe(Number.POSITIVE_INFINITY);
  });

  test.each(harmless.filter(([, bound]) => bound === 'steps'))('%s: within its steps on any name', (regExp) => {
    // A step is some nanoseconds; these are a thousand times as many.
    for (const name of HOSTILE) new TimeGuard({ limitMs: 30_000 }).run(() => regExp.test(name));
  });
});

/** Expressions of the kind that the linear engine takes. */
const source = fc.letrec<{ any: string; all: string; atom: string; piece: string }>((tie) => ({
  any: fc.array(tie('all'), { minLength: 1, maxLength: 3 }).map((all) => all.join('|')),
  all: fc.array(tie('piece'), { maxLength: 3 }).map((pieces) => pieces.join('')),
  piece: fc
    .tuple(tie('atom'), fc.constantFrom('', '*', '+', '?', '*?', '+?', '??', '{1,3}', '{2}'))
    .map(([atom, times]) => (/^[$^]$|^\\b$/.test(atom) ? atom : atom + times)),
  atom: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('a', 'b', '\\/', '.', '[ab]', '[^/]', '\\w', '\\d', '^', '$', '\\b'),
    tie('any').map((any) => `(${any})`),
    tie('any').map((any) => `(?:${any})`),
  ),
})).any;
const subject = fc.array(fc.constantFrom('a', 'b', '/', '1', '.', '\n'), { maxLength: 10 }).map((letters) => letters.join(''));

/** `undefined` where counts make it too large. */
function linearOf(text: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(text, `${flags}l`);
  } catch {
    return undefined;
  }
}

test('the linear engine finds the same matches and captures at the same places', () => {
  fc.assert(
    fc.property(source, subject, fc.constantFrom('', 's', 'm'), (text, name, flags) => {
      const plain = new RegExp(text, flags);
      const linear = linearOf(text, flags);
      // What would hang the backtracking engine cannot be compared.
      fc.pre(linear !== undefined && maxSteps(plain, name.length) < 1e6);
      const [expected, found] = [plain, linear!].map((regExp) => {
        const match = regExp.exec(name);
        return { match: match && [...match], index: match?.index, replaced: name.replace(regExp, '<$&$1>') };
      });
      expect(found).toEqual(expected);
    }),
    { numRuns: 3000 },
  );
});

describe('check', () => {
  test.each(hanging)('%s hangs', (regExp, _, repetition) => {
    expect(findAttack(regExp)?.repetition).toBe(repetition);
  });

  test.each(harmless)('%s does not', (regExp) => {
    expect(findAttack(regExp)).toBeUndefined();
  });

  test('of rewrite tells rule, name and remedy', async () => {
    const rules = [{ match: /^boot/, replace: '' }, ...hanging.map(([match]) => ({ match, replace: '' }))];
    const pipeline = await start([rewrite(rules)], environment());
    const found = (await pipeline.check()).map(({ severity, path }) => [severity, ...path]);
    expect(found).toEqual(hanging.map((_, index) => ['warning', 'plugins', 0, 'options', index + 1, 'match']));
    expect((await pipeline.check())[0]!.message).toBe(
      '(a+)+ can match one name in too many ways, as in "aaaaaaaaaaaaaaaaaaaa…a!" (33 characters): it runs on a slower engine that always terminates; write it so that each character of a name can match in only one place: a+ for (a+)+, [^/]* for .*',
    );
  });

  test('of a map file tells the line', async () => {
    const configDir = folderOf({ map: 'r ^boot/\n# evil\nri ^(a+)+$ b\n' });
    const pipeline = await start([tftpdMap('map')], environment({ configDir }));
    expect(await pipeline.check()).toMatchObject([{ severity: 'warning', line: 3, message: expect.stringContaining('(a+)+') }]);
  });
});

describe('a hostile name', () => {
  const served = { 'os/linux': '1', 'boot/x': '1' };

  /** Each name's ERROR, or what is served; and what the log says. */
  async function asked(plugin: Parameters<typeof start>[0][number], names: readonly string[], configDir = '/') {
    const env = environment({ root: fakeFolder(served), configDir });
    const pipeline = await start([plugin], env);
    const got: string[] = [];
    for (const name of names) {
      const route = await pipeline.route(readRequest(name));
      got.push(route.error ? `ERROR ${codeOf(route.error)}` : route.served);
    }
    return { got, log: env.log.lines.map(({ fields }) => (fields.err as Error).message) };
  }

  test.each(hanging)('%s in rewrite (%s): the request ends, and the next one is served', async (match, bound) => {
    const names = HOSTILE.filter((name) => !match.source.includes('é') === !name.includes('é'));
    const { got, log } = await asked(rewrite([{ match, replace: 'z' }]), [...names, 'os/linux']);
    expect(got.at(-1)).toBe('os/linux');
    if (bound === 'linear') expect(got.slice(0, -1)).toEqual(names.map(() => 'ERROR 1'));
    else {
      expect(got).toContain('ERROR 0');
      expect(log[0]).toMatch(/^plugin "rewrite", rewrite: rule 1 \(\/.*\/\w*\) took more than \d+ ms and was stopped/);
    }
  });

  test('in a function of a rule, and in a function in place of rules', async () => {
    const hang = () => /^(a+)+$/i.test(HOSTILE[0]!);
    const inRule = await asked(rewrite([{ match: /^a/, replace: () => String(hang()) }]), [HOSTILE[0]!, 'os/linux']);
    expect(inRule.got).toEqual(['ERROR 0', 'os/linux']);
    const instead = await asked(
      rewrite(({ name }) => (name.startsWith('a') ? String(hang()) : undefined)),
      ['aa', 'os/linux'],
    );
    expect(instead.got).toEqual(['ERROR 0', 'os/linux']);
    expect(instead.log[0]).toContain('the function took more than 1000 ms and was stopped');
  });

  test.each([
    'r ^(a+)+$ b',
    'ri ^(a+)+$ b',
    'r (a|aa)+(a|aa)+(a|aa)+b c',
    'rg (a*)*b b\ns b a',
    ':x\nr ((a+)+)!$ \\1!\nj ^a x',
  ])('in a map file: %j', async (map) => {
    const { got } = await asked(tftpdMap('map'), [...HOSTILE, 'os/linux'], folderOf({ map: `${map}\n` }));
    expect(got.at(-1)).toBe('os/linux');
    expect(got.slice(0, -1).filter((one) => !one.startsWith('ERROR'))).toEqual([]);
  });

  test('rules that are timed ask for files as others do', async () => {
    const rules = [
      { match: /^(x+)+$/i, replace: 'nothing', when: 'exists' as const },
      { match: /^(\w+)+$/i, replace: 'boot/$1', when: 'exists' as const },
    ];
    expect((await asked(rewrite(rules), ['x', 'y'])).got).toEqual(['boot/x', 'ERROR 1']);
  });
});

describe('the guard', () => {
  const forever = () => {
    for (;;);
  };

  test('passes results and errors on', () => {
    const guard = new TimeGuard({ limitMs: 1000 });
    expect(guard.run(() => guard.run(() => 5))).toBe(5);
    expect(() =>
      guard.run(() => {
        throw new RangeError('mine');
      }),
    ).toThrow(RangeError);
  });

  test('tries work that can be repeated again, and is impatient for a while after it has given up', () => {
    let attempts = 0;
    const guard = new TimeGuard({ limitMs: 20, repeatable: true });
    const given = () => {
      try {
        return guard.run(() => {
          attempts++;
          forever();
        });
      } catch (error) {
        return error;
      }
    };
    expect(given()).toMatchObject({ limitMs: 80 });
    expect(attempts).toBe(3);
    expect(given()).toMatchObject({ limitMs: 20 });
    expect(attempts).toBe(6);
    expect(given()).toBeInstanceOf(GaveUp);
  });
});
