/**
 * Runs rules that now and then must know whether a file exists. It knows no rules.
 */
import type { Awaitable, Call } from 'pxe';
import type { TimeGuard } from './regexp/guard.ts';

/** Rules at work: each `yield` asks for a name under the root, and is told whether there is such a file. */
export type Lookups<Result> = Generator<string, Result, boolean>;

/** What the rules come to: at once if they never ask. Rejects when the call's time is up. */
export function answering<Result>(rules: Lookups<Result>, call: Call): Awaitable<Result> {
  return lookUp((answer) => rules.next(answer as boolean), call);
}

/**
 * The same for rules that may take for ever between two questions; throws `GaveUp` where they do. They begin anew after each answer,
 * for code that was broken off cannot go on: nothing that they do may have an effect.
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

/** For a note on which rules have applied: `line 3`, `lines 3, 5`. */
export function listed(what: string, numbers: readonly number[]): string {
  const shown = numbers.slice(0, MAX_LISTED).join(', ');
  return `${what}${numbers.length === 1 ? '' : 's'} ${shown}${numbers.length > MAX_LISTED ? ', …' : ''}`;
}
