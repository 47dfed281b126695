import { describe, expect, test } from 'vitest';
import { type DiskCall, DiskGate, ThreadBudget } from '../../src/content/disk-gate.ts';
import { outcome } from './fixture.ts';

const SILENT = 'ERROR 0 file system does not answer';
const LIMIT_MS = 1_000;

/** A gate on a clock that the test moves; calls return when the test says so. */
function machine({ calls = 4, callsPerPath = 2, budget = new ThreadBudget(100) } = {}) {
  let now = 0;
  const timers = new Set<{ readonly at: number; readonly run: () => void }>();
  const told: string[] = [];
  const clock = {
    now: () => now,
    wallTime: () => now,
    setTimeout(run: () => void, ms: number) {
      const timer = { at: now + ms, run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  };
  const gate = new DiskGate({
    clock,
    calls,
    callsPerPath,
    budget,
    onHung: (path) => told.push(`hung ${path}`),
    onRecovered: () => told.push('recovered'),
  });
  /** Paths of calls that have begun and not returned. */
  const inFlight: string[] = [];
  const ends: (() => void)[] = [];
  const ask = (path: string, how: Partial<DiskCall<string>> = {}) =>
    outcome(
      gate.run<string>({
        path,
        limitMs: LIMIT_MS,
        work: () => {
          inFlight.push(path);
          const { promise, resolve } = Promise.withResolvers<string>();
          ends.push(() => {
            inFlight.splice(inFlight.indexOf(path), 1);
            resolve(path);
          });
          return promise;
        },
        ...how,
      }),
    );
  /** The oldest calls return. */
  const end = async (count = ends.length) => {
    for (const one of ends.splice(0, count)) one();
    await settle();
  };
  const pass = async (ms: number) => {
    now += ms;
    for (const timer of [...timers]) {
      if (timer.at > now) continue;
      timers.delete(timer);
      timer.run();
    }
    await settle();
  };
  return { gate, ask, inFlight, end, pass, told, timers };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

describe('calls to a disk', () => {
  test('so many are in flight, and fewer for one path; the others follow as these return', async () => {
    const { ask, inFlight, end, timers } = machine({ calls: 4 });
    const asked = ['a', 'a', 'a', 'b', 'c', 'd'].map((path) => ask(path));
    expect(inFlight).toEqual(['a', 'a', 'b', 'c']);
    // The last places are not for a path that has one.
    await end(1);
    expect(inFlight).toEqual(['a', 'b', 'c', 'd']);
    await end();
    expect(inFlight).toEqual(['a']);
    await end();
    await expect(Promise.all(asked)).resolves.toEqual(['a', 'a', 'a', 'b', 'c', 'd']);
    expect(timers.size).toBe(0);
  });

  test('one that hangs is refused at its limit, others for its path at once, and other paths not at all', async () => {
    const { ask, inFlight, end, pass, told } = machine();
    const hung = ask('a');
    await pass(LIMIT_MS);
    await expect(hung).resolves.toBe(SILENT);
    await expect(ask('a')).resolves.toBe(SILENT);
    expect(told).toEqual(['hung a']);
    const other = ask('b');
    expect(inFlight).toEqual(['a', 'b']);
    await end();
    await expect(other).resolves.toBe('b');
    expect(told).toEqual(['hung a', 'recovered']);
    const again = ask('a');
    await end();
    await expect(again).resolves.toBe('a');
  });

  test('when every place is taken by one that hangs, all are refused at once, those that wait included', async () => {
    const { ask, inFlight, end, pass } = machine();
    const asked = ['a', 'b', 'c', 'd'].map((path) => ask(path));
    await pass(LIMIT_MS - 1);
    const waiting = ask('e');
    await pass(1);
    await expect(Promise.all([...asked, waiting, ask('f')])).resolves.toEqual(Array.from({ length: 6 }, () => SILENT));
    expect(inFlight).toHaveLength(4);
    await end(1);
    const later = ask('f');
    await end();
    await expect(later).resolves.toBe('f');
  });

  test('one that never got a thread is refused at its limit, and not made any more', async () => {
    const { ask, inFlight, end, pass, told } = machine({ calls: 1 });
    const first = ask('a', { limitMs: 10 * LIMIT_MS });
    const second = ask('b');
    await pass(LIMIT_MS);
    await expect(second).resolves.toBe(SILENT);
    expect(told).toEqual([]);
    await end();
    expect(inFlight).toEqual([]);
    await expect(first).resolves.toBe('a');
  });

  test('what comes too late is handed over, once', async () => {
    const { ask, end, pass } = machine();
    const discarded: string[] = [];
    const asked = ask('a', { discard: (value) => discarded.push(value) });
    await pass(LIMIT_MS);
    await end();
    await expect(asked).resolves.toBe(SILENT);
    expect(discarded).toEqual(['a']);
  });

  test('what must be done is done in the end, whoever has been refused', async () => {
    const { ask, inFlight, end, pass } = machine({ calls: 1 });
    void ask('a');
    await pass(LIMIT_MS);
    const must = ask('a', { must: true });
    await pass(LIMIT_MS);
    await expect(must).resolves.toBe(SILENT);
    await end();
    expect(inFlight).toEqual(['a']);
  });

  test('who has lent memory is not refused once the call has begun', async () => {
    const { ask, end, pass } = machine();
    let over = false;
    const lent = ask('a', { lent: true }).finally(() => {
      over = true;
    });
    await pass(LIMIT_MS);
    expect(over).toBe(false);
    await expect(ask('a', { lent: true })).resolves.toBe(SILENT);
    await end();
    await expect(lent).resolves.toBe('a');
  });

  test('a disk that hangs leaves threads to others, and gives them back', async () => {
    const budget = new ThreadBudget(5);
    const [first, second] = [machine({ budget }), machine({ budget })];
    for (const path of ['a', 'b', 'c', 'd']) void first.ask(path);
    const asked = ['e', 'f'].map((path) => second.ask(path));
    expect(second.inFlight).toEqual(['e']);
    await first.end();
    expect(second.inFlight).toEqual(['e', 'f']);
    await second.end();
    await expect(Promise.all(asked)).resolves.toEqual(['e', 'f']);
  });
});
