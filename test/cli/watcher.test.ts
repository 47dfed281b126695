/** When the watchdog speaks and when it ends the process: its rules, on a clock of the test's own. */
import { expect, test } from 'vitest';
import { Share } from '../../src/cli/watchdog/share.ts';
import { TICK_MS, Watcher } from '../../src/cli/watchdog/watcher.ts';

function watched({ stopMs = 10_000 } = {}) {
  const share = new Share();
  share.stopMs = stopMs;
  const names = new Map([
    [1, 'plugin "names", hook rewrite'],
    [2, 'the import of the config'],
  ]);
  const said: string[] = [];
  const state = { now: 1000, signals: 0, turning: true, killedAt: undefined as number | undefined };
  const kill = () => {
    state.killedAt ??= state.now;
  };
  const watcher = new Watcher({ share, names, signals: () => state.signals, say: (line) => void said.push(line), kill });
  return {
    share,
    said,
    state,
    pass(ms: number, { turning = true } = {}) {
      for (const end = state.now + ms; state.now < end; state.now += TICK_MS) {
        if (turning) share.beat();
        watcher.tick(state.now);
      }
    },
    jump: (ms: number) => {
      state.now += ms;
    },
  };
}

test('a main thread that turns is never spoken of', () => {
  const { said, state, pass } = watched();
  pass(60_000);
  expect({ said, killedAt: state.killedAt }).toEqual({ said: [], killedAt: undefined });
});

test.each([
  ['in a hook', 1, 0, 'in plugin "names", hook rewrite'],
  ['in a hook, during an import', 1, 2, 'in plugin "names", hook rewrite'],
  ['in an import', 0, 2, 'during the import of the config'],
  ['after a hook', -1, 0, 'after plugin "names", hook rewrite, the last one called'],
  ['anywhere else', 0, 0, 'outside plugin code'],
])('one that stands still %s is told once, and once that it goes on', (_what, place, background, where) => {
  const { share, said, pass } = watched();
  pass(5000);
  Object.assign(share, { place, background });
  pass(1800, { turning: false });
  expect(said).toEqual([]);
  pass(8200, { turning: false });
  expect(said).toEqual([`the main thread has been blocked for 2 s ${where}: requests wait`]);
  pass(5000);
  expect(said.slice(1)).toEqual([expect.stringMatching(/^the main thread runs again after 10(\.\d)? s$/)]);
});

test('a machine that was asleep is not a main thread that stands still', () => {
  const { said, pass, jump } = watched();
  for (let i = 0; i < 20; i++) {
    pass(600, { turning: false });
    pass(TICK_MS);
    jump(30_000);
    pass(600, { turning: false });
    pass(TICK_MS);
  }
  expect(said).toEqual([]);
});

/** Ms after the first signal at which the process is ended; the main thread turns unless told otherwise. */
test.each([
  ['a stop that hangs', { signals: [0], stopMs: 10_000 }, 10_000, 12_000],
  ['without time for transfers', { signals: [0], stopMs: 0 }, 0, 2000],
  ['a second signal', { signals: [0, 3000], stopMs: 10_000 }, 3000, 5000],
  ['a third one is not another delay', { signals: [0, 3000, 4000], stopMs: 10_000 }, 3000, 5000],
  ['a main thread that stands still', { signals: [0], stopMs: 10_000, standsAfter: -5000 }, 1000, 2000],
  ['one that stands still only later', { signals: [0], stopMs: 10_000, standsAfter: 4000 }, 5000, 6000],
] as const)('ends the process: %s', (_what, how, from, to) => {
  const { state, said, pass } = watched(how);
  const standsAfter = 'standsAfter' in how ? how.standsAfter : Number.POSITIVE_INFINITY;
  for (let ms = -8000; ms < 20_000 && state.killedAt === undefined; ms += TICK_MS) {
    state.signals = how.signals.filter((at) => at <= ms).length;
    pass(TICK_MS, { turning: ms < standsAfter });
  }
  const after = state.killedAt! - 9000;
  expect(after).toBeGreaterThan(from);
  expect(after).toBeLessThanOrEqual(to);
  expect(said.at(-1)).toMatch(/^killing the process: /);
});

test('without a signal nothing is ended, however long it stands still', () => {
  const { state, pass } = watched();
  pass(3_600_000, { turning: false });
  expect(state.killedAt).toBeUndefined();
});
