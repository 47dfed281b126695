import { expect, test } from 'vitest';
import { shared } from '../../plugins/shared.ts';

/** Work that ends when it is told to. */
function work() {
  const runs: { resolve(value: number): void; reject(error: Error): void }[] = [];
  const run = () => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    runs.push({ resolve, reject });
    return promise;
  };
  return { runs, run };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('those who come before a run share it; those who come during it share the next', async () => {
  const { runs, run } = work();
  const ask = shared(run);
  const early = [ask(), ask()];
  await tick();
  expect(runs).toHaveLength(1);
  const late = [ask(), ask(), ask()];
  await tick();
  expect(runs).toHaveLength(1);
  runs[0]!.resolve(1);
  expect(await Promise.all(early)).toEqual([1, 1]);
  await tick();
  expect(runs).toHaveLength(2);
  runs[1]!.resolve(2);
  expect(await Promise.all(late)).toEqual([2, 2, 2]);
});

test('a run that fails fails for those who shared it, and for nobody else', async () => {
  const { runs, run } = work();
  const ask = shared(run);
  const first = ask();
  await tick();
  const second = ask();
  runs[0]!.reject(new Error('broken'));
  await expect(first).rejects.toThrow('broken');
  await tick();
  runs[1]!.resolve(2);
  expect(await second).toBe(2);
});

test('runs keep their distance', async () => {
  const begun: number[] = [];
  const ask = shared(async () => begun.push(performance.now()), 30);
  await ask();
  await ask();
  await ask();
  // Timers count in whole milliseconds.
  for (const [index, at] of begun.slice(1).entries()) expect(at - begun[index]!).toBeGreaterThan(28);
});
