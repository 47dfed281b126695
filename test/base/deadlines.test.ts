import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines, type Timed } from '../../src/base/deadlines.ts';

const NEVER = Number.POSITIVE_INFINITY;
const item = (): Timed => ({ deadline: NEVER, queuedAt: NEVER });

test('nothing is due where nothing is', () => {
  const deadlines = new Deadlines();
  expect(deadlines.next).toBe(NEVER);
  expect(deadlines.due(1e9)).toBeUndefined();
});

test('an item is due at its deadline, not before, and once', () => {
  const deadlines = new Deadlines();
  const one = { deadline: 10, queuedAt: NEVER };
  deadlines.update(one);
  expect(deadlines.next).toBe(10);
  expect(deadlines.due(9.9)).toBeUndefined();
  expect(deadlines.due(10)).toBe(one);
  expect(deadlines.due(10)).toBeUndefined();
  expect(deadlines.next).toBe(NEVER);
});

test('what is forgotten is not held on to, nor waited for', () => {
  const deadlines = new Deadlines();
  for (let i = 0; i < 100_000; i++) {
    const one = { deadline: 300_000 + i, queuedAt: NEVER };
    deadlines.update(one);
    one.deadline = 1000 + i;
    deadlines.update(one);
    deadlines.remove(one);
  }
  expect(deadlines.next).toBe(NEVER);
  expect(deadlines.size).toBe(0);
});

test('items that come and go beside one that stays leave little behind', () => {
  const deadlines = new Deadlines();
  const first = { deadline: 1, queuedAt: NEVER };
  deadlines.update(first);
  for (let i = 0; i < 100_000; i++) {
    const one = { deadline: 300_000 + i, queuedAt: NEVER };
    deadlines.update(one);
    deadlines.remove(one);
  }
  expect(deadlines.size).toBeLessThan(100);
  expect(deadlines.due(1)).toBe(first);
});

test('an entry that was overtaken does not outlive the last deadline', () => {
  const deadlines = new Deadlines<Timed>();
  const one = item();
  for (const deadline of [50, 40]) {
    one.deadline = deadline;
    deadlines.update(one);
  }
  one.deadline = NEVER;
  expect(deadlines.due(45)).toBe(undefined);
  expect(deadlines.size).toBe(0);
});

test('any history gives what a plain list would', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), index: fc.nat(29), in: fc.nat(100) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('never' as const), index: fc.nat(29), in: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), index: fc.nat(29), in: fc.constant(0) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), index: fc.constant(0), in: fc.nat(60) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const deadlines = new Deadlines<Timed>();
      const items = Array.from({ length: 30 }, item);
      let now = 0;
      for (const { kind, index, in: ms } of steps) {
        const one = items[index]!;
        if (kind === 'set' || kind === 'never') {
          one.deadline = kind === 'set' ? now + ms : NEVER;
          deadlines.update(one);
        } else if (kind === 'remove') deadlines.remove(one);
        else {
          now += ms;
          const due: Timed[] = [];
          for (let next = deadlines.due(now); next; next = deadlines.due(now)) due.push(next);
          expect(new Set(due).size).toBe(due.length);
          expect(new Set(due)).toEqual(new Set(items.filter(({ deadline }) => deadline <= now)));
          for (const one of due) one.deadline = NEVER;
        }
        const earliest = Math.min(NEVER, ...items.map(({ deadline }) => deadline));
        expect(deadlines.next).toBeLessThanOrEqual(earliest);
        expect(deadlines.size).toBeLessThanOrEqual(64 + 2 * items.length + 1);
      }
      for (const one of items) deadlines.remove(one);
      expect(deadlines.size).toBe(0);
    }),
    { numRuns: 500 },
  );
});
