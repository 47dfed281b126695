/** The content or sink of one exchange: one call at a time, each within its time, given back once. */
import { expect, test } from 'vitest';
import type { Content, Sink } from '../../src/content/content.ts';
import { Feed, type FeedCall } from '../../src/service/feed.ts';
import { gate } from '../kit/lab.ts';
import { FakeClock } from '../plugin/support.ts';

const CALL_MS = 1000;

/** A feed that notes what happens, in order. */
function feeding(given: { readonly content?: Partial<Content>; readonly sink?: Partial<Sink> }) {
  const clock = new FakeClock();
  const noted: string[] = [];
  const owner = {
    clock,
    callMs: CALL_MS,
    onFailure: (error: unknown, call: FeedCall) => void noted.push(`${call}: ${(error as Error).message}`),
  };
  const note = (what: string) => () => void noted.push(what);
  const content =
    given.content && ({ size: 1, read: () => new Uint8Array(1), close: note('closed'), ...given.content } as Content);
  const sink = given.sink && ({ write() {}, commit: note('committed'), abort: note('aborted'), ...given.sink } as Sink);
  return { feed: new Feed(owner, content, sink), clock, noted, note };
}

test('calls run one after the other, and the content is closed after the one under way', async () => {
  const { feed, noted } = feeding({ content: {} });
  const { passed, open } = gate();
  feed.run('read', async () => {
    await passed;
    noted.push('first');
  });
  feed.run('read', async () => void noted.push('second'));
  // It has begun.
  await Promise.resolve();
  const closed = feed.close();
  await Promise.resolve();
  expect(noted).toEqual([]);
  open();
  await closed;
  // The second was not begun: nobody wants what it would bring.
  expect(noted).toEqual(['first', 'closed']);
});

test('without a call under way it is closed at once', () => {
  const { feed, noted } = feeding({ content: {} });
  expect(feed.close()).toBeUndefined();
  expect(noted).toEqual(['closed']);
});

test('after a call that fails there is no other, and it is closed all the same', async () => {
  const { feed, noted } = feeding({ content: {} });
  feed.run('read', () => Promise.reject(new Error('broken')));
  feed.run('read', async () => void noted.push('second'));
  await new Promise(setImmediate);
  await feed.close();
  expect(noted).toEqual(['read: broken', 'closed']);
});

test('a call that never settles is given up after its time, and so is a close', async () => {
  const { feed, clock, noted } = feeding({ content: { close: () => new Promise(() => {}) } });
  feed.run('read', () => new Promise(() => {}));
  await Promise.resolve();
  const closed = feed.close();
  await new Promise(setImmediate);
  await clock.advance(CALL_MS);
  await new Promise(setImmediate);
  expect(noted).toEqual([`read: no data within ${CALL_MS} ms`]);
  await clock.advance(CALL_MS);
  await closed;
  expect(noted[1]).toBe(`close: no data within ${CALL_MS} ms`);
});

test.each([
  ['committed', async (feed: Feed) => feed.commit(), ['committed']],
  ['given up', async () => {}, ['aborted']],
])('a sink that is %s is ended once', async (_what, before, ends) => {
  const { feed, noted } = feeding({ sink: {} });
  await before(feed);
  await feed.close();
  expect(noted).toEqual(ends);
});

test('what a close throws is the owner’s to tell', async () => {
  const { feed, noted } = feeding({
    content: {
      close() {
        throw new Error('no');
      },
    },
  });
  await feed.close();
  expect(noted).toEqual(['close: no']);
});
