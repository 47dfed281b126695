import { describe, expect, test } from 'vitest';
import { errorText, ownFrames, ownPlace } from '../../src/base/error-text.ts';
import { PluginError } from '../../src/plugin/error.ts';

const failed = (message: string, cause?: unknown) => new Error(message, cause === undefined ? {} : { cause });
const ring = failed('a');
ring.cause = failed('b', ring);

test.each<[string, unknown, string]>([
  ['a message', failed('no licence'), 'no licence'],
  [
    'a cause',
    failed('fetch failed', failed('connect ECONNREFUSED 127.0.0.1:1')),
    'fetch failed: connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    'a cause that the message tells already',
    failed('cannot open: no such file', failed('no such file')),
    'cannot open: no such file',
  ],
  ['the same twice', failed('retur is not defined', failed('retur is not defined')), 'retur is not defined'],
  [
    'every address of a name',
    failed(
      'fetch failed',
      new AggregateError([failed('connect ECONNREFUSED ::1:1'), failed('connect ECONNREFUSED 127.0.0.1:1')]),
    ),
    'fetch failed: connect ECONNREFUSED ::1:1, connect ECONNREFUSED 127.0.0.1:1',
  ],
  ['a code alone', Object.assign(failed(''), { code: 'ECONNRESET' }), 'ECONNRESET'],
  ['a name alone', new TypeError(), 'TypeError'],
  ['a ring', ring, 'a: b'],
  ['a text', 'must not', 'must not'],
  ['an object', { no: 'error' }, 'threw an object that is not an Error'],
  ['null', null, 'threw an object that is not an Error'],
  ['nothing', undefined, 'threw undefined'],
])('%s', (_what, error, text) => {
  expect(errorText(error)).toBe(text);
});

describe('the place', () => {
  const error = new ReferenceError('retur is not defined');
  error.stack = `ReferenceError: retur is not defined
    at clean (/clone/src/content/name.ts:9:9)
    at open (file:///lab/my%20plugins/greeting.ts?generation=1.11:7:45)
    at callHook (file:///clone/src/plugin/hook.ts:30:18)
    at async file:///lab/pxe.config.ts?generation=1.11:3:1
    at processTicksAndRejections (node:internal/process/task_queues:105:5)`;

  test('is the first line of the user’s own, as an editor takes it', () => {
    expect(ownPlace(error)).toEqual({ file: '/lab/my plugins/greeting.ts', line: 7, column: 45 });
    expect(ownFrames(error)).toEqual(['open (/lab/my plugins/greeting.ts:7:45)', '/lab/pxe.config.ts:3:1']);
    expect(ownPlace(failed('open failed', error))).toMatchObject({ line: 7 });
    expect(ownPlace(failed('elsewhere'))).toBeUndefined();
    expect(ownPlace('text')).toBeUndefined();
  });

  test('stands first in the message of a plugin’s error, and what went wrong once', () => {
    const { message, problem, place } = new PluginError('greeting', 'open', error);
    expect(message).toBe('/lab/my plugins/greeting.ts:7:45: plugin "greeting", open: retur is not defined');
    expect(problem).toBe('plugin "greeting", open: retur is not defined');
    expect(place).toMatchObject({ line: 7 });
  });
});
