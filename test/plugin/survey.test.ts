/** What plugins tell when nobody is being served: machines and findings. */
import { describe, expect, test } from 'vitest';
import { definePlugin } from '../../src/plugin/define.ts';
import type { CheckCall, Hooks, RequestInfo } from '../../src/plugin/types.ts';
import { environment, type FakeClock, start } from './support.ts';

const plugin = (name: string, hooks: object) => definePlugin({ name, setup: (): Hooks => hooks })();

async function surveyed(...hooks: readonly object[]) {
  const env = environment();
  const pipeline = await start(
    hooks.map((one, index) => plugin(`p${index}`, one)),
    env,
  );
  return { env, pipeline };
}

describe('machines', () => {
  test('of all plugins in order, identities in one spelling', async () => {
    const { pipeline } = await surveyed(
      { machines: () => [{ name: 'web1', mac: '5254.0012.3456', uuid: 'ABC', names: ['a'] }] },
      {},
      { machines: async () => new Set([{ name: 'pi', serial: 'AB', address: '127.0.0.2', names: [] }]) },
      { machines: () => undefined },
    );
    expect(await pipeline.machines()).toEqual([
      { name: 'web1', mac: '52:54:00:12:34:56', uuid: 'abc', names: ['a'] },
      { name: 'pi', serial: 'ab', address: '127.0.0.2', names: [] },
    ]);
  });

  test('one of each kind first, where plugins tell that several get the same', async () => {
    const { pipeline } = await surveyed({
      machines: () => [
        { name: 'a1', names: [], fingerprint: 'a' },
        { name: 'a2', names: [], fingerprint: 'a' },
        { name: 'x', names: [] },
        { name: 'b1', names: [], fingerprint: 'b' },
        { name: 'y', names: [] },
        { name: 'a3', names: [], fingerprint: 'a' },
      ],
    });
    const { machines, kinds } = await pipeline.machinesByKind();
    expect([kinds, ...machines.map(({ name }) => name)]).toEqual([4, 'a1', 'x', 'b1', 'y', 'a2', 'a3']);
  });

  test('names that a plugin answers for every machine are names of each', async () => {
    const { pipeline } = await surveyed(
      { names: async () => new Set(['boot.ipxe', 'a']) },
      { machines: () => [{ name: 'web1', names: ['a', 'b'] }] },
      { machines: () => [{ name: 'web2', names: [] }], names: () => ['last'] },
    );
    expect((await pipeline.machines()).map(({ name, names }) => [name, ...names].join(' '))).toEqual([
      'web1 a b boot.ipxe last',
      'web2 boot.ipxe a last',
    ]);
  });

  test.each<[answer: unknown, told: string]>([
    ['f', 'must return a list, returned "f"'],
    [[''], 'returned "" as a file name'],
    [[5], 'returned 5 as a file name'],
  ])('names %j are refused', async (answer, told) => {
    const { pipeline } = await surveyed({ names: () => answer });
    await expect(pipeline.machines()).rejects.toThrow(`plugin "p0", names: ${told}`);
  });

  test.each<[answer: unknown, told: string]>([
    ['web1', 'must return a list, returned "web1"'],
    [['web1'], 'listed a machine without a name: "web1"'],
    [5, 'must return a list, returned 5'],
    [[{ name: 'a', mac: 'x' }], 'machine "a" has an invalid MAC address: "x"'],
    [[{ name: 'a', uuid: 5 }], 'machine "a" has an invalid uuid: 5'],
    [[{ name: 'a', names: 'b' }], 'machine "a" has names that are not a list: "b"'],
  ])('%j is refused by name', async (answer, told) => {
    const { pipeline } = await surveyed({}, { machines: () => answer });
    await expect(pipeline.machines()).rejects.toThrow(`plugin "p1", machines: ${told}`);
  });

  test('a plugin that throws is named', async () => {
    const { pipeline } = await surveyed({ machines: () => Promise.reject(new Error('no inventory')) });
    await expect(pipeline.machines()).rejects.toThrow('plugin "p0", machines: no inventory');
  });
});

describe('check', () => {
  test('paths start at the top of the config; the root may be looked at', async () => {
    const { pipeline } = await surveyed(
      {},
      {
        check: async ({ root }: { root: { has(name: string): Promise<boolean> } }) => [
          { severity: 'error', path: ['web1', 'files'], message: `kernel: ${await root.has('kernel')}` },
          { severity: 'warning', path: [], message: 'row', file: '/lab/rack.csv', line: 3 },
        ],
      },
    );
    expect(await pipeline.check()).toEqual([
      { severity: 'error', path: ['plugins', 1, 'options', 'web1', 'files'], message: 'kernel: true' },
      { severity: 'warning', path: ['plugins', 1, 'options'], message: 'row', file: '/lab/rack.csv', line: 3 },
    ]);
  });

  test('the machines that are listed, as a request of each would have them', async () => {
    let asked = 0;
    const tell = {
      check: async ({ clients }: CheckCall) =>
        (await clients()).map((client) => ({
          severity: 'warning',
          path: [],
          message: `${client.mac} ${client.address} ${client.host?.name}`,
        })),
    };
    const { pipeline } = await surveyed(
      tell,
      {
        machines: () => {
          asked++;
          return [
            { name: 'web1', mac: '5254.0012.3456', names: [] },
            { name: 'pi', address: '127.0.0.2', names: [] },
          ];
        },
        host: ({ client }: RequestInfo) => (client.mac ? { name: 'known', groups: [], variables: {} } : undefined),
      },
      tell,
    );
    const messages = ['52:54:00:12:34:56 0.0.0.0 known', 'undefined 127.0.0.2 undefined'];
    expect((await pipeline.check()).map(({ message }) => message)).toEqual([...messages, ...messages]);
    expect(asked).toBe(1);
  });

  test('a plugin that throws, or finds nonsense, is a finding; the next one has its turn', async () => {
    const fine = { severity: 'warning', path: [], message: 'fine' };
    const { pipeline } = await surveyed(
      { check: () => [fine, { message: 'no path' }] },
      { check: () => [{ ...fine, severity: 'fatal' }] },
      {
        *check() {
          yield fine;
          throw new Error('half-way');
        },
      },
      { check: () => [fine] },
    );
    const found = await pipeline.check();
    expect(found.map(({ severity, path, message }) => `${severity} ${path.join('.')}: ${message}`)).toEqual([
      'error plugins.0: plugin "p0", check: must return findings { severity, path, message }, returned an object',
      'error plugins.1: plugin "p1", check: returned a finding with severity "fatal"',
      'error plugins.2: plugin "p2", check: half-way',
      'warning plugins.3.options: fine',
    ]);
  });

  test('one that never comes back is given up after the time that its setup has', async () => {
    const { env, pipeline } = await surveyed({ check: () => new Promise(() => {}) }, { check: () => [] });
    const found = pipeline.check();
    await (env.clock as FakeClock).advance(env.setupMs);
    expect(await found).toEqual([
      { severity: 'error', path: ['plugins', 0], message: 'plugin "p0", check: not done within 10000 ms' },
    ]);
  });
});
