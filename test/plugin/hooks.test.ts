/** What it takes to add a hook: an entry in the table, and its type. */
import { describe, expect, test } from 'vitest';
import { Refusal } from '../../src/base/refusal.ts';
import type { Awaitable, Call, Hooks, ReadRequest } from '../../src/index.ts';
import { first } from '../../src/plugin/combine.ts';
import { definePlugin } from '../../src/plugin/define.ts';
import { HOOKS, type HookTable } from '../../src/plugin/hooks.ts';
import { Pipeline } from '../../src/plugin/pipeline.ts';
import { readyPlugins } from '../../src/plugin/ready.ts';
import type { Trace } from '../../src/plugin/trace.ts';
import { environment, readRequest } from './support.ts';

/** Its type. */
interface HooksWithKernel extends Hooks {
  /** Which kernel is to be started? The first answer wins. */
  kernel?(request: ReadRequest, call: Call): Awaitable<string | undefined | void>;
}

/** Its entry. */
const table = {
  ...HOOKS,
  kernel: first<ReadRequest, string>({
    about: ({ client }) => client.address,
    expect(answer, { confine }) {
      if (typeof answer !== 'string') throw new Error(`must return a name, returned ${answer}`);
      return confine(answer);
    },
    describe: (name) => name,
  }),
} satisfies HookTable<HooksWithKernel>;

/** A plugin may be JavaScript. */
const starting = (name: string, kernel: (request: ReadRequest, call: Call) => unknown) =>
  definePlugin({ name, setup: () => ({ kernel }) as Hooks })();

const throwing = (error: Error) => (): never => {
  throw error;
};

async function asking(...plugins: ReturnType<typeof starting>[]) {
  const env = environment();
  const { plugins: ready, issues } = readyPlugins(plugins);
  expect(issues).toEqual([]);
  const pipeline = await Pipeline.startWith(table, ready, env);
  const trace: Trace = [];
  const ask = (): Promise<string | undefined> => pipeline.ask('kernel', readRequest('any'), { trace });
  return { env, trace, ask };
}

describe('a hook that is added by one entry', () => {
  test('is called in the order of the config, and its answers combine as the entry says', async () => {
    const { ask } = await asking(
      starting('none', () => undefined),
      starting('one', ({ client }) => `${client.address}.efi`),
      starting('two', () => expect.unreachable()),
    );
    expect(await ask()).toBe('192.168.7.20.efi');
  });

  test('is undefined when no plugin answers', async () => {
    expect(await (await asking(starting('none', () => undefined))).ask()).toBeUndefined();
    expect(await (await asking()).ask()).toBeUndefined();
  });

  test('is traced, with what was looked up and what the plugin noted', async () => {
    const { ask, trace } = await asking(
      starting('none', () => undefined),
      starting('one', async (_, { root, note }) => {
        note('because');
        return (await root.has('kernel')) ? '/efi//kernel' : undefined;
      }),
    );
    expect(await ask()).toBe('efi/kernel');
    expect(trace).toEqual([
      { plugin: 'none', hook: 'kernel', before: '192.168.7.20', ms: 0, lookups: [] },
      {
        ...{ plugin: 'one', hook: 'kernel', before: '192.168.7.20', after: 'efi/kernel', note: 'because', ms: 0 },
        lookups: [{ name: 'kernel', found: true }],
      },
    ]);
  });

  test.each<[why: string, kernel: () => unknown, logged: string]>([
    ['throws', throwing(new Error('boom')), 'boom'],
    ['rejects', () => Promise.reject(new Error('bang')), 'bang'],
    ['answers with what the entry does not allow', () => 5, 'must return a name, returned 5'],
  ])('that %s is named, and costs its own request only', async (_, kernel, logged) => {
    const { env, ask, trace } = await asking(starting('bad', kernel));
    await expect(ask()).rejects.toMatchObject({ name: 'Refusal', reason: 'internal' });
    expect(env.log.lines.map(({ fields }) => String(fields.err))).toEqual([
      expect.stringContaining(`plugin "bad", kernel: ${logged}`),
    ]);
    expect(trace).toMatchObject([{ hook: 'kernel', error: expect.stringContaining(logged) }]);
  });

  test('that takes too long is given up', async () => {
    const { env, ask } = await asking(starting('slow', () => new Promise(() => {})));
    const refused = expect(ask()).rejects.toMatchObject({ reason: 'internal' });
    await env.clock.advance(5000);
    await refused;
    expect(String(env.log.lines[0]?.fields.err)).toBe('PluginError: plugin "slow", kernel: not done within 5000 ms');
  });

  test('may refuse, and its names are confined', async () => {
    const refusing = await asking(starting('no', throwing(new Refusal('busy', 'later'))));
    await expect(refusing.ask()).rejects.toMatchObject({ reason: 'busy', message: 'later' });
    expect(refusing.env.log.lines).toEqual([]);
    await expect((await asking(starting('out', () => '../x'))).ask()).rejects.toMatchObject({ reason: 'forbidden' });
  });

  test('is a hook that a plugin may have, where the table has it', async () => {
    const { plugins } = readyPlugins([starting('one', () => undefined)]);
    await expect(Pipeline.start(plugins, environment())).rejects.toThrow(
      'returned an unknown hook "kernel"; there are: identify',
    );
  });
});

test('a table without an entry for each hook, or with one that does not fit it, is a type error', () => {
  // @ts-expect-error an entry is missing
  HOOKS satisfies HookTable<HooksWithKernel>;
  // @ts-expect-error an observer has no answer
  ({ ...HOOKS, kernel: HOOKS.end }) satisfies HookTable<HooksWithKernel>;
  // @ts-expect-error a list is for no request
  ({ ...HOOKS, kernel: HOOKS.names }) satisfies HookTable<HooksWithKernel>;
});
