import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { FileWatcher, POLL_MS, QUIET_MS } from '../../src/config/watch.ts';
import { folder, until } from '../kit/lab.ts';

/** Time stands still, and a timer goes off when the test says so: events of the file system change nothing by themselves. */
class HeldClock implements Clock {
  readonly #timers = new Set<{ readonly ms: number; readonly run: () => void }>();
  readonly now = () => 0;
  readonly wallTime = systemClock.wallTime;

  setTimeout(run: () => void, ms: number): () => void {
    const timer = { ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  has(ms: number): boolean {
    return [...this.#timers].some((timer) => timer.ms === ms);
  }

  fire(ms: number): void {
    for (const timer of [...this.#timers]) if (timer.ms === ms && this.#timers.delete(timer)) timer.run();
  }
}

async function watched(text: string) {
  const file = folder().put('pxe.config.ts', text);
  const clock = new HeldClock();
  const told: (readonly string[])[] = [];
  const onEventsLost: unknown[] = [];
  const watcher = new FileWatcher({
    clock,
    changed: (files) => void told.push(files),
    onEventsLost: (error) => void onEventsLost.push(error),
  });
  onTestFinished(() => watcher.close());
  await watcher.watch([file], clock.wallTime());
  /** A timer's work is done when the next poll is being waited for. */
  const poll = async () => {
    clock.fire(POLL_MS);
    await until(() => clock.has(POLL_MS), 'next poll');
  };
  return { file, clock, told, onEventsLost, poll };
}

it('a poll in the middle of a save tells nothing: the save is looked at when it has been quiet, once', async () => {
  const { file, clock, told, onEventsLost, poll } = await watched('one');
  writeFileSync(file, '');
  await poll();
  expect(told).toEqual([]);
  writeFileSync(file, 'two');
  clock.fire(QUIET_MS);
  await until(() => told.length > 0, 'change');
  await poll();
  clock.fire(QUIET_MS);
  await poll();
  expect(told).toEqual([[file]]);
  expect(onEventsLost).toEqual([]);
});

it('a poll that finds nothing new begins no burst', async () => {
  const { clock, told, poll } = await watched('one');
  // What happened while the events were being set up.
  await until(() => clock.has(QUIET_MS), 'burst');
  clock.fire(QUIET_MS);
  await poll();
  expect(clock.has(QUIET_MS)).toBe(false);
  expect(told).toEqual([]);
});
