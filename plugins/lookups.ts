/**
 * Runs rules that now and then must know whether a file exists. It knows no rules.
 */
import type { Awaitable, Call } from 'pxe';

/** Rules at work: each `yield` asks for a name under the root, and is told whether there is such a file. */
export type Asking<Result> = Generator<string, Result, boolean>;

/** What the rules come to: at once if they never ask. Rejects when the call's time is up. */
export function answering<Result>(rules: Asking<Result>, call: Call): Awaitable<Result> {
  const step = rules.next();
  return step.done ? step.value : lookUp(rules, step.value, call);
}

async function lookUp<Result>(rules: Asking<Result>, first: string, { root, signal }: Call): Promise<Result> {
  for (let name = first; ; ) {
    const step = rules.next(await root.has(name));
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
