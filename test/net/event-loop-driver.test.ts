/** A state machine on an event loop that is simulated: when it is woken, and what comes first after a stall. */
import { expect, test } from 'vitest';
import type { Clock } from '../../src/base/clock.ts';
import { EventLoopDriver } from '../../src/net/event-loop-driver.ts';
import type { StateMachine } from '../../src/net/state-machine.ts';

/** Timers that come due when the test says so. */
class ManualClock implements Clock {
  time = 0;
  timers: { readonly at: number; readonly run: () => void }[] = [];

  now = () => this.time;
  wallTime = () => this.time;

  setTimeout(run: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, run };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  /** Runs the earliest timer, late by `lateMs`. */
  next(lateMs = 0): void {
    const timer = this.timers.toSorted((a, b) => a.at - b.at)[0]!;
    this.timers = this.timers.filter((one) => one !== timer);
    this.time = Math.max(this.time, timer.at + lateMs);
    timer.run();
  }
}

class Machine implements StateMachine {
  nextDeadline = Number.POSITIVE_INFINITY;
  readonly log: string[] = [];

  expire(now: number): void {
    this.log.push(`expire ${now}`);
    this.nextDeadline = Number.POSITIVE_INFINITY;
  }
}

function start() {
  const clock = new ManualClock();
  const machine = new Machine();
  const driver = new EventLoopDriver(machine, clock);
  const wakeAt = (at: number) =>
    driver.step(() => {
      machine.nextDeadline = at;
    });
  const receive = () => driver.receive((now) => void machine.log.push(`receive ${now}`));
  return { clock, machine, driver, wakeAt, receive };
}

test('a deadline that moves away keeps its timer, one that comes nearer gets another', () => {
  const { clock, wakeAt } = start();
  wakeAt(100);
  wakeAt(200);
  expect(clock.timers.map(({ at }) => at)).toEqual([100]);
  wakeAt(50);
  expect(clock.timers.map(({ at }) => at)).toEqual([50]);
});

test('a machine that is woken in time sees its deadline at once', () => {
  const { clock, machine, wakeAt } = start();
  wakeAt(100);
  clock.next(5);
  expect(machine.log).toEqual(['expire 105']);
  expect(clock.timers).toEqual([]);
});

test('after a stall everything that came meanwhile is received first', () => {
  const { clock, machine, wakeAt, receive } = start();
  wakeAt(100);
  clock.next(400);
  receive();
  clock.next();
  receive();
  clock.next();
  expect(machine.log).toEqual(['receive 500', 'receive 500']);
  // A turn that brought nothing.
  clock.next();
  expect(machine.log).toEqual(['receive 500', 'receive 500', 'expire 500']);
});

test('a flood after a stall holds up deadlines for a bounded number of turns', () => {
  const { clock, machine, wakeAt, receive } = start();
  wakeAt(100);
  clock.next(400);
  for (let turn = 0; turn < 1000 && !machine.log.some((line) => line.startsWith('expire')); turn++) {
    receive();
    clock.next();
  }
  expect(machine.log.at(-1)).toBe('expire 500');
});

test('a deadline that has passed already when it is set is not a stall', () => {
  const { clock, machine, wakeAt } = start();
  clock.time = 1000;
  wakeAt(0);
  clock.next();
  expect(machine.log).toEqual(['expire 1000']);
});

test('a driver that was stopped wakes nothing', () => {
  const { clock, machine, driver, wakeAt } = start();
  wakeAt(100);
  driver.stop();
  wakeAt(50);
  expect(clock.timers).toEqual([]);
  expect(machine.log).toEqual([]);
});
