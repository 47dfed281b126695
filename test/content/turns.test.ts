/** So many at a time, the others in order. */
import { expect, test } from 'vitest';
import { Turns } from '../../src/content/turns.ts';

test('who finds no turn gets one in order, as others give theirs back', async () => {
  const turns = new Turns(2);
  const order: number[] = [];
  expect([turns.take(), turns.take()]).toEqual([undefined, undefined]);
  const waiting = [1, 2].map(async (number) => {
    await turns.take();
    order.push(number);
  });
  await Promise.resolve();
  expect(order).toEqual([]);
  turns.giveBack();
  await waiting[0];
  expect(order).toEqual([1]);
  turns.giveBack();
  await waiting[1];
  expect(order).toEqual([1, 2]);
  turns.giveBack();
  turns.giveBack();
  expect([turns.take(), turns.take()]).toEqual([undefined, undefined]);
  expect(turns.take()).toBeInstanceOf(Promise);
});
