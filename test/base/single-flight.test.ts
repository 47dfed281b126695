import { describe, expect, test } from 'vitest';
import { SingleFlight } from '../../src/base/single-flight.ts';
import { FakeClock } from '../plugin/support.ts';

/** A world that changes, and work that looks at it for as long as the test wants. */
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

describe('a run', () => {
  test('begins at once where none is under way', async () => {
    const { at, look } = world();
    const flight = new SingleFlight<number>();
    const asked = flight.run(look, 'a');
    await turn();
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    expect(await asked).toBe(0);
  });

  test('never shows what was there before the call', async () => {
    const { at, look } = world();
    const flight = new SingleFlight<number>();
    const first = flight.run(look, 'a');
    await turn();
    at.value = 1;
    const second = flight.run(look, 'a');
    const third = flight.run(look, 'a');
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    await turn();
    expect(at.looks).toHaveLength(2);
    at.value = 2;
    const fourth = flight.run(look, 'a');
    at.looks[1]!.resolve();
    await turn();
    at.looks[2]!.resolve();
    expect(await Promise.all([first, second, third, fourth])).toEqual([0, 1, 1, 2]);
    expect(at.looks).toHaveLength(3);
  });

  test('is one for all who ask in the same turn', async () => {
    const { at, look } = world();
    const flight = new SingleFlight<number>();
    const asked = [flight.run(look, 'a'), flight.run(look, 'a'), flight.run(look, 'a')];
    await turn();
    expect(at.looks).toHaveLength(1);
    at.looks[0]!.resolve();
    expect(await Promise.all(asked)).toEqual([0, 0, 0]);
  });

  test('a failure is that of those who share it, and of no other', async () => {
    const { at, look } = world();
    const flight = new SingleFlight<number>();
    const first = flight.run(look, 'a');
    await turn();
    const second = flight.run(look, 'a');
    at.looks[0]!.reject(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    await turn();
    at.looks[1]!.resolve();
    expect(await second).toBe(0);
  });

  test('each key has runs of its own', async () => {
    const { at, look } = world();
    const flight = new SingleFlight<number>();
    const both = [flight.run(look, 'a'), flight.run(look, 'b')];
    await turn();
    expect(at.looks).toHaveLength(2);
    for (const one of at.looks) one.resolve();
    expect(await Promise.all(both)).toEqual([0, 0]);
  });

  test('runs of a key keep their distance, whether or not the one before failed', async () => {
    const clock = new FakeClock();
    const flight = new SingleFlight<number>({ spacingMs: 30, clock });
    const begun: number[] = [];
    const run = (failing = false) =>
      flight.run(() => {
        begun.push(clock.now());
        return failing ? Promise.reject(new Error('gone')) : Promise.resolve(0);
      });
    await run();
    const second = expect(run(true)).rejects.toThrow('gone');
    await clock.advance(29);
    expect(begun).toHaveLength(1);
    await clock.advance(1);
    await second;
    await clock.advance(100);
    await run();
    const [first] = begun;
    expect(begun.map((at) => at - first!)).toEqual([0, 30, 130]);
  });
});
