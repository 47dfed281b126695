import { describe, expect, test } from 'vitest';
import { SingleFlight } from '../../src/base/single-flight.ts';

/** A world that changes, and a look at it that takes as long as the test wants. */
function world() {
  const looks: { resolve(): void; reject(error: Error): void }[] = [];
  const at = { value: 0, looks };
  const look = () => {
    const seen = at.value;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    looks.push({ resolve: () => resolve(seen), reject });
    return promise;
  };
  return { at, look };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('single flight', () => {
  test('begins at once where none is under way', async () => {
    const { at, look } = world();
    const shared = new SingleFlight<number>();
    const asked = shared.run('a', look);
    await turn();
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    expect(await asked).toBe(0);
  });

  test('never shows what was there before somebody asked', async () => {
    const { at, look } = world();
    const shared = new SingleFlight<number>();
    const first = shared.run('a', look);
    await turn();
    at.value = 1;
    const second = shared.run('a', look);
    const third = shared.run('a', look);
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    await turn();
    expect(at.looks).toHaveLength(2);
    at.value = 2;
    const fourth = shared.run('a', look);
    at.looks[1]!.resolve();
    await turn();
    at.looks[2]!.resolve();
    expect(await Promise.all([first, second, third, fourth])).toEqual([0, 1, 1, 2]);
    expect(at.looks).toHaveLength(3);
  });

  test('is one for all who ask in the same turn', async () => {
    const { at, look } = world();
    const shared = new SingleFlight<number>();
    const asked = [shared.run('a', look), shared.run('a', look), shared.run('a', look)];
    await turn();
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    expect(await Promise.all(asked)).toEqual([0, 0, 0]);
  });

  test('a failure is that of those who share it, and of no other', async () => {
    const { at, look } = world();
    const shared = new SingleFlight<number>();
    const first = shared.run('a', look);
    await turn();
    const second = shared.run('a', look);
    at.looks[0]!.reject(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await turn();
    at.looks[1]!.resolve();
    expect(await second).toBe(0);
  });

  test('each key has looks of its own', async () => {
    const { at, look } = world();
    const shared = new SingleFlight<number>();
    const both = [shared.run('a', look), shared.run('b', look)];
    await turn();
    expect(at.looks).toHaveLength(2);
    for (const one of at.looks) one.resolve();
    expect(await Promise.all(both)).toEqual([0, 0]);
  });
});
