/**
 * Runs rules that may need to know whether files exist. It does not know the rules.
 */
import type { Awaitable, Call } from 'pxe';
import type { TimeGuard } from './regexp/guard.ts';

/** Running rules: each `yield` gives a name under the root and receives whether that file exists. */
export type Lookups<Result> = Generator<string, Result, boolean>;

/** The result of the rules, returned synchronously if they look nothing up. Rejects when the call's time is up. */
export function answering<Result>(rules: Lookups<Result>, call: Call): Awaitable<Result> {
  return lookUp((answer) => rules.next(answer as boolean), call);
}

/**
 * The same for rules that may run without end between two lookups; throws `GaveUp` if they do. The rules are restarted after each
 * answer, because interrupted code cannot be resumed. So they must have no side effects.
 */
export function answeringWithin<Result>(guard: TimeGuard, begin: () => Lookups<Result>, call: Call): Awaitable<Result> {
  const answers: boolean[] = [];
  return lookUp((answer) => {
    if (answer !== undefined) answers.push(answer);
    return guard.run(() => {
      const rules = begin();
      return answers.reduce((_, known) => rules.next(known), rules.next());
    });
  }, call);
}

type Next<Result> = (answer?: boolean) => IteratorResult<string, Result>;

function lookUp<Result>(next: Next<Result>, call: Call): Awaitable<Result> {
  const step = next();
  return step.done ? step.value : lookUpLater(next, step.value, call);
}

async function lookUpLater<Result>(next: Next<Result>, first: string, { root, signal }: Call): Promise<Result> {
  for (let name = first; ; ) {
    const step = next(await root.has(name));
    if (step.done) return step.value;
    signal.throwIfAborted();
    name = step.value;
  }
}

const MAX_LISTED = 12;

/** Text for a note on the rules that applied: `line 3`, `lines 3, 5`. */
export function listed(what: string, numbers: readonly number[]): string {
  const shown = numbers.slice(0, MAX_LISTED).join(', ');
  return `${what}${numbers.length === 1 ? '' : 's'} ${shown}${numbers.length > MAX_LISTED ? ', …' : ''}`;
}
