import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { definePlugin, isPlugin } from '../../src/plugin/define.ts';
import { readyPlugins } from '../../src/plugin/ready.ts';

const greet = definePlugin({
  name: 'greet',
  options: z.strictObject({ text: z.string(), times: z.number().default(1) }),
  setup: ({ text, times }) => ({ open: () => Buffer.from(text.repeat(times)) }),
});
const optional = definePlugin({ name: 'optional', options: z.strictObject({ a: z.number() }).optional(), setup: () => ({}) });
const none = definePlugin({ name: 'none', setup: () => ({}) });

test('a factory makes inert values and types its options', () => {
  const setup = vi.fn(() => ({}));
  const counting = definePlugin({ name: 'counting', options: z.number(), setup });
  // @ts-expect-error -- a number is expected, and nothing is checked before the config loads
  const plugin = counting('wrong');
  expect(plugin).toMatchObject({ name: 'counting', options: 'wrong' });
  expect(setup).not.toHaveBeenCalled();
  expect(Object.isFrozen(plugin)).toBe(true);
  expect(greet({ text: 'a' }).options).toEqual({ text: 'a' });
  expect([optional(), optional({ a: 1 }), none()].map((made) => made.name)).toEqual(['optional', 'optional', 'none']);
  // @ts-expect-error -- text is missing
  greet({});
  // @ts-expect-error -- options are not optional here
  greet();
  // @ts-expect-error -- no such option
  greet({ text: 'a', tex: 1 });
  // @ts-expect-error -- it takes none
  none({ a: 1 });
});

test('hooks are typed', () => {
  definePlugin({
    name: 'typed',
    // @ts-expect-error -- a number is no answer to open
    setup: () => ({ open: () => 5 }),
  });
  definePlugin({
    name: 'typed',
    // @ts-expect-error -- no such hook
    setup: () => ({ opne: () => undefined }),
  });
});

test.each([
  [greet({ text: '' }), true],
  [{ [Symbol.for('pxe.plugin')]: true, name: 'of another copy of the package' }, true],
  [greet, false],
  [{ name: 'greet', definition: {}, options: {} }, false],
  [null, false],
])('isPlugin %#', (value, is) => {
  expect(isPlugin(value)).toBe(is);
});

test('every problem of every plugin is told, with its path', () => {
  const throwing = definePlugin({
    name: 'throwing',
    options: z.string().transform((): string => {
      throw new Error('boom');
    }),
    setup: () => ({}),
  });
  const later = definePlugin({ name: 'later', options: z.string().refine(async () => true), setup: () => ({}) });
  const wrong = [
    // @ts-expect-error -- wrong on purpose
    greet({ text: 1, tims: 2 }),
    greet({ text: 'fine' }),
    greet,
    throwing('x'),
    later('x'),
    // @ts-expect-error -- wrong on purpose
    none(1),
  ];
  const { issues, plugins } = readyPlugins(wrong);
  expect(issues).toMatchObject([
    { path: ['plugins', 0, 'options', 'text'], message: 'expected a string, found 1' },
    { path: ['plugins', 0, 'options', 'tims'], message: 'unknown key', hint: 'did you mean "times"?' },
    { path: ['plugins', 2], message: 'expected a plugin, found a function' },
    { path: ['plugins', 3, 'options'], message: 'could not be checked: boom' },
    { path: ['plugins', 4, 'options'], message: expect.stringContaining('could not be checked') },
    { path: ['plugins', 5, 'options'], message: 'plugin "none" takes no options' },
  ]);
  expect(plugins[0]?.options).toEqual({ text: 'fine', times: 1 });
});
