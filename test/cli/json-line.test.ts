import { closeSync, fstatSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isJournal } from '../../src/cli/journal.ts';
import { createLog } from '../../src/cli/log.ts';
import { folder } from '../kit/lab.ts';

function lines(settings: { time?: 'epoch' | 'iso'; levels?: 'number' | 'name' }, journal = false) {
  const written: string[] = [];
  const all = { level: 'trace', time: 'epoch', levels: 'number', ...settings } as const;
  const log = createLog({ settings: () => all, terminal: undefined, journal }, { write: (line) => void written.push(line) });
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log.child({ plugin: 'p' })[level]({}, level);
  return written;
}

const plain = (time: string) => (level: number | string, msg: string) =>
  expect.stringMatching(new RegExp(`^{"level":${level},"time":${time},"plugin":"p","msg":"${msg}"}\n$`));

test('levels and times are those of the config', () => {
  const [number, name] = [plain('\\d{13}'), plain('"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z"')];
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
  expect(lines({})).toEqual(levels.map((level, index) => number(10 * (index + 1), level)));
  expect(lines({ time: 'iso', levels: 'name' })).toEqual(levels.map((level) => name(`"${level}"`, level)));
});

test('a name with control characters does nothing to the terminal on which the line is looked at, and stays what it is', () => {
  const written: string[] = [];
  const settings = () => ({ level: 'info', time: 'epoch', levels: 'number' }) as const;
  const log = createLog({ settings, terminal: undefined, journal: false }, { write: (line) => void written.push(line) });
  const asked = '\x1b[2J \x7f \x9b31m \u2028 \u202e \u200f é 字';
  log.info({ asked }, 'asked');
  const [line = ''] = written;
  expect(line).toMatch(/^[ -~é字]*\n$/);
  expect(JSON.parse(line)).toMatchObject({ asked });
});

test('the journal gets a priority before each line', () => {
  expect(lines({}, true).map((line) => line.slice(0, 12))).toEqual([
    '<7>{"level":',
    '<7>{"level":',
    '<6>{"level":',
    '<4>{"level":',
    '<3>{"level":',
    '<2>{"level":',
  ]);
  expect(lines({ levels: 'name' }, true)[3]).toMatch(/^<4>{"level":"warn",/);
});

test('only what is the journal’s stream is the journal', () => {
  const fd = openSync(join(folder().path, 'stream'), 'w');
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    expect(isJournal(fd, `${dev}:${ino}`)).toBe(true);
    // Inherited by a child whose output leads elsewhere.
    for (const stream of [`${dev}:${ino + 1n}`, `${dev + 1n}:${ino}`, '', 'x', undefined])
      expect(isJournal(fd, stream)).toBe(false);
    expect(isJournal(99_999, `${dev}:${ino}`)).toBe(false);
  } finally {
    closeSync(fd);
  }
});
