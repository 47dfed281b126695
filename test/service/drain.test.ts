import { expect, test } from 'vitest';
import { Drain } from '../../src/service/drain.ts';
import { FakeClock } from '../plugin/support.ts';

test('it is closed once, after the shortest of the grace periods asked for', async () => {
  const clock = new FakeClock();
  const drain = new Drain(clock);
  expect(drain.begun).toBe(false);
  let closed = 0;
  const stop = (graceMs: number) =>
    drain.stop(graceMs, async (graceOver) => {
      await graceOver;
      closed++;
    });
  const stopped = [stop(60_000)];
  expect(drain.begun).toBe(true);
  await clock.advance(100);
  stopped.push(stop(1000));
  await clock.advance(999);
  expect(closed).toBe(0);
  await clock.advance(1);
  await Promise.all(stopped);
  expect(closed).toBe(1);
});

test('without exchanges it does not wait, and leaves no timer', async () => {
  const clock = new FakeClock();
  await new Drain(clock).stop(60_000, async () => {});
  expect(clock.pending).toBe(0);
});
