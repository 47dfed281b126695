import { expect, test } from 'vitest';
import { TroubleLog } from '../../src/server/trouble.ts';
import { FakeClock, recordingLog, summary } from '../plugin/support.ts';

const denied = { outcome: 'refused', error: { code: 2, message: 'access violation', cause: 'EACCES' } } as const;

test.each([
  [denied, 1],
  [{ outcome: 'refused', error: { code: 0, message: 'not you' } }, 1],
  [{ outcome: 'failed', error: { code: 0, message: 'cannot read file', reason: 'unavailable' } }, 1],
  // What a plugin says must not be taken for what the server says.
  [{ outcome: 'refused', error: { code: 0, message: 'internal error', reason: 'unavailable' } }, 1],
  [{ outcome: 'refused', error: { code: 1, message: 'file not found', reason: 'not-found' } }, 0],
  [{ outcome: 'refused', error: { code: 0, message: 'internal error', reason: 'internal' } }, 0],
  [{ outcome: 'failed', error: { code: 0, message: 'no answer from the client', reason: 'no-answer' } }, 0],
  [{ outcome: 'aborted', error: { code: 0, message: 'closed' } }, 0],
  [{ outcome: 'completed' }, 0],
] as const)('%o has %i lines', (ended, lines) => {
  const log = recordingLog();
  new TroubleLog(log, new FakeClock()).end(summary(ended));
  expect(log.lines.map(({ level }) => level)).toEqual(Array(lines).fill('warn'));
});

test('a flood has five lines a second, and the next says how many were left out', async () => {
  const [log, clock] = [recordingLog(), new FakeClock()];
  const trouble = new TroubleLog(log, clock);
  for (let n = 0; n < 1000; n++) trouble.end(summary(denied));
  expect(log.lines).toHaveLength(5);
  await clock.advance(1000);
  trouble.end(summary(denied));
  trouble.end(summary(denied));
  expect(log.lines.slice(5).map(({ fields }) => fields.leftOut)).toEqual([995, undefined]);
});
