/**
 * Looks for a name that keeps a regular expression busy, by trying: what a repetition repeats, many times over, and then something
 * that it does not match.
 */
import type { AST } from '@eslint-community/regexpp';
import { type BoundedRegExp, boundRegExp, JUDGED_LENGTH } from './bounded.ts';
import { GaveUp, TimeGuard, totalMs } from './guard.ts';
import { parsePattern } from './steps.ts';

/** Time of the first of three attempts with a name: an expression that ends in time is slow at worst, or the machine has much else to do. */
const BUSY_MS = 30;
/** Repetitions looked at, and names tried for each. */
const MAX_REPETITIONS = 16;
const ENDINGS = ['!', '', '/!'];

export interface Attack {
  /** A name that is still being matched after the last attempt, if nothing bounds that. */
  readonly name: string;
  /** The repetition in it, as it is written: `(a+)+`. */
  readonly repetition: string;
}

/** `undefined` where none is found. */
export function findAttack(regExp: RegExp): Attack | undefined {
  if (boundRegExp(regExp).bound === 'steps') return undefined;
  const pattern = parsePattern(regExp);
  if (pattern === undefined) return undefined;
  // With a lookahead, even an empty one, V8 takes its backtracking engine, whatever the program has switched on.
  const tried = new RegExp(`(?:${regExp.source})(?=)`, regExp.flags.replace(/[gly]/g, ''));
  for (const { before, repetition } of repetitionsIn(pattern.alternatives, '').slice(0, MAX_REPETITIONS)) {
    for (const choice of [0, 1]) {
      const body = sampleOf(repetition.element, choice) || 'a';
      for (const ending of ENDINGS) {
        const name = before + body.repeat(Math.ceil((JUDGED_LENGTH - before.length) / body.length)) + ending;
        if (isBusy(tried, name)) return { name: shortest(tried, before, body, ending), repetition: repetition.raw };
      }
    }
  }
  return undefined;
}

/** The finding, with what it means for those who ask, and the way out. */
export function describeAttack({ name, repetition }: Attack, bound: BoundedRegExp['bound'], limitMs: number): string {
  const shown = name.length > 24 ? `${name.slice(0, 20)}…${name.slice(-2)}` : name;
  const outcome =
    bound === 'linear'
      ? 'it runs on a slower engine that always terminates'
      : `such a request is refused after up to ${totalMs(limitMs)} ms, during which the server does nothing else`;
  return `${repetition} can match one name in too many ways, as in ${JSON.stringify(shown)} (${name.length} characters): ${outcome}; write it so that each character of a name can match in only one place: a+ for (a+)+, [^/]* for .*`;
}

function isBusy(regExp: RegExp, name: string): boolean {
  try {
    new TimeGuard({ limitMs: BUSY_MS, repeatable: true }).run(() => regExp.test(name));
    return false;
  } catch (error) {
    if (error instanceof GaveUp) return true;
    throw error;
  }
}

/** The first of a few lengths that does it: shorter ones are better to look at. */
function shortest(regExp: RegExp, before: string, body: string, ending: string): string {
  let name = '';
  for (let length = 32; ; length *= 2) {
    name = before + body.repeat(Math.ceil(length / body.length)) + ending;
    if (length >= JUDGED_LENGTH || isBusy(regExp, name)) return name;
  }
}

interface Repetition {
  /** A text that leads there. */
  readonly before: string;
  readonly repetition: AST.Quantifier;
}

/** Repetitions of many times, the outermost first. */
function repetitionsIn(alternatives: readonly AST.Alternative[], prefix: string): Repetition[] {
  return alternatives.flatMap(({ elements }) => {
    let before = prefix;
    return elements.flatMap((element) => {
      const here = before;
      before += sampleOf(element, 0);
      return within(element, here);
    });
  });
}

function within(element: AST.Element, before: string): Repetition[] {
  switch (element.type) {
    case 'Quantifier': {
      const inner = within(element.element, before);
      return element.max > 8 ? [{ before, repetition: element }, ...inner] : inner;
    }
    case 'Group':
    case 'CapturingGroup':
      return repetitionsIn(element.alternatives, before);
    case 'Assertion':
      return 'alternatives' in element ? repetitionsIn(element.alternatives, before) : [];
    default:
      return [];
  }
}

/** A text that the element matches, as far as that can be told without trying. */
function sampleOf(element: AST.Element, choice: number): string {
  switch (element.type) {
    case 'Character':
      return String.fromCodePoint(element.value);
    case 'CharacterSet':
      return element.kind === 'any' ? 'x' : (SETS.find((text) => matchesOne(element, text)) ?? 'x');
    case 'CharacterClass':
      return SETS.find((text) => matchesOne(element, text)) ?? firstOf(element) ?? 'x';
    case 'Group':
    case 'CapturingGroup': {
      const { alternatives } = element;
      const { elements } = alternatives[Math.min(choice, alternatives.length - 1)]!;
      return elements.map((inner) => sampleOf(inner, choice)).join('');
    }
    case 'Quantifier':
      return sampleOf(element.element, choice).repeat(Math.max(element.min, Math.min(1, element.max)));
    default:
      return '';
  }
}

const SETS = ['a', '1', '-', '/', ' ', '.'];

function matchesOne({ raw }: AST.Element, text: string): boolean {
  return new RegExp(`^${raw}$`).test(text);
}

function firstOf({ elements }: AST.CharacterClass): string | undefined {
  const [first] = elements;
  if (first?.type === 'Character') return String.fromCodePoint(first.value);
  return first?.type === 'CharacterClassRange' ? String.fromCodePoint(first.min.value) : undefined;
}
