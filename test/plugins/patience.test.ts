import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { patiently } from '../../plugins/lib/patience.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function source() {
  const said: string[] = [];
  const log = {
    debug() {},
    info: (_: object, text: string) => said.push(text),
    warn: (_: object, text: string) => said.push(text),
  };
  const answers: ((value: string) => void)[] = [];
  let asked = 0;
  const ask = patiently('a', { ...log, error() {}, child: () => log } as never, () => {
    asked++;
    return new Promise<string>((resolve) => answers.push(resolve));
  });
  return { ask, answers, said, asked: () => asked };
}

test('a source that answers in time is passed on, and one that answers at once costs no timer', async () => {
  const { ask, answers, said } = source();
  const answer = ask();
  answers[0]!('x');
  await expect(answer).resolves.toBe('x');
  expect(patiently('a', {} as never, (value: number) => value + 1)(1)).toBe(2);
  expect([vi.getTimerCount(), said]).toEqual([0, []]);
});

test('one that does not counts as knowing nothing after a second; two lines say when it began and when it was over', async () => {
  const { ask, answers, said } = source();
  const both = [ask(), ask()];
  await vi.advanceTimersByTimeAsync(1_000);
  await expect(Promise.all(both)).resolves.toEqual([undefined, undefined]);
  expect(said).toEqual(['source does not answer: continuing without it']);
  for (const answer of answers) answer('late');
  await vi.advanceTimersByTimeAsync(0);
  expect(said.slice(1)).toEqual(['source answers again']);
});

test('while eight answers are overdue it is not asked', async () => {
  const { ask, answers, asked } = source();
  const overdue = Array.from({ length: 8 }, () => ask());
  await vi.advanceTimersByTimeAsync(1_000);
  await Promise.all(overdue);
  expect([ask(), asked()]).toEqual([undefined, 8]);
  for (const answer of answers) answer('late');
  await vi.advanceTimersByTimeAsync(0);
  void ask();
  expect(asked()).toBe(9);
});
