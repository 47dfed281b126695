/**
 * Searches by trial for a name that keeps a regular expression busy: text that a repetition matches, many times, followed by text
 * that it does not match.
 */
import type { AST } from '@eslint-community/regexpp';
import { type BoundedRegExp, boundRegExp, JUDGED_LENGTH } from './bounded.ts';
import { GaveUp, TimeGuard, totalMs } from './guard.ts';
import { parsePattern } from './steps.ts';

/**
 * Time of the first of three attempts with a name: an expression that ends within the last of them is merely slow, or the machine
 * is busy.
 */
const BUSY_MS = 30;
/** Maximum repetitions examined, and names tried for each. */
const MAX_REPETITIONS = 16;
const ENDINGS = ['!', '', '/!'];

export interface Attack {
  /** A name that is still being matched when the last attempt ends. */
  readonly name: string;
  /** The repetition that causes it, as written: `(a+)+`. */
  readonly repetition: string;
}

/** `undefined` if none is found. */
export function findAttack(regExp: RegExp): Attack | undefined {
  if (boundRegExp(regExp).bound === 'steps') return undefined;
  const pattern = parsePattern(regExp);
  if (pattern === undefined) return undefined;
  // With a lookahead, even an empty one, V8 uses its backtracking engine, whatever engines are enabled.
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

/** The finding, with its consequence for clients and the remedy. */
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

/** The shortest effective one of a few lengths, because short names are easier to read. */
function shortest(regExp: RegExp, before: string, body: string, ending: string): string {
  let name = '';
  for (let length = 32; ; length *= 2) {
    name = before + body.repeat(Math.ceil(length / body.length)) + ending;
    if (length >= JUDGED_LENGTH || isBusy(regExp, name)) return name;
  }
}

interface Repetition {
  /** A text that leads to the repetition. */
  readonly before: string;
  readonly repetition: AST.Quantifier;
}

/** Repetitions with a high or no maximum, the outermost first. */
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

/** A text that the element probably matches; this is not tested here. */
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
