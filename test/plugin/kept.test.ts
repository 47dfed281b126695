import { expect, test } from 'vitest';
import { definePlugin, type Kept } from '../../src/index.ts';
import { KeptState } from '../../src/plugin/kept.ts';
import { environment, start } from './support.ts';

/** A plugin that notes the number of the object it keeps. */
function counting(log: string[], name = 'counting', fails = false) {
  let made = 0;
  return definePlugin({
    name,
    setup(_, { keep }) {
      const kept = keep('it', (): Kept & { number: number } => {
        const number = ++made;
        return { number, dispose: () => void log.push(`dispose ${number}`) };
      });
      log.push(`setup ${kept.number}`);
      if (fails) throw new Error('half-way');
      return {};
    },
  })();
}

test('what a plugin keeps is made once, handed on, and given back with the last generation', async () => {
  const log: string[] = [];
  const plugin = counting(log);
  const env = environment({ kept: new KeptState() });
  const first = await start([plugin], env);
  const second = await start([plugin], env);
  await first.dispose();
  await first.dispose();
  expect(log).toEqual(['setup 1', 'setup 1']);
  await second.dispose();
  expect(log.slice(2)).toEqual(['dispose 1']);
  await (await start([plugin], env)).dispose();
  expect(log.slice(3)).toEqual(['setup 2', 'dispose 2']);
});

test('a setup that fails half-way takes nothing from the generation in force', async () => {
  const log: string[] = [];
  const env = environment({ kept: new KeptState() });
  const first = await start([counting(log)], env);
  await expect(start([counting(log, 'counting', true)], env)).rejects.toThrow('half-way');
  expect(log).toEqual(['setup 1', 'setup 1']);
  await first.dispose();
  expect(log.slice(2)).toEqual(['dispose 1']);
});

test('two plugins of one name, and two of different names, keep things of their own', async () => {
  const log: string[] = [];
  const env = environment({ kept: new KeptState() });
  const one = counting(log);
  const pipeline = await start([one, one, counting(log, 'other')], env);
  expect(log).toEqual(['setup 1', 'setup 2', 'setup 1']);
  await pipeline.dispose();
});
