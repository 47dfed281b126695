/**
 * An upper bound of the work of a backtracking engine on a regular expression. It does not run the expression.
 *
 * Each part has a number of ways to match at one position, and the work of trying them all. A sequence tries each part once for
 * every way in which the parts before it match. The bound ignores that some ways exclude each other, so it may be far too high
 * but is never too low.
 */
import { type AST, RegExpParser } from '@eslint-community/regexpp';

interface Cost {
  /** Ways to match at one position. */
  readonly ways: number;
  /** Steps to try them all. */
  readonly steps: number;
}

const ONE: Cost = { ways: 1, steps: 1 };
const BOUNDLESS: Cost = { ways: Number.POSITIVE_INFINITY, steps: Number.POSITIVE_INFINITY };

/** Maximum steps on a text of `length` characters; `Infinity` if they may grow exponentially with it. */
export function maxSteps(regExp: RegExp, length: number): number {
  const pattern = parsePattern(regExp);
  if (pattern === undefined) return Number.POSITIVE_INFINITY;
  const { steps } = costOfAny(pattern.alternatives, length);
  const anchored = !regExp.multiline && pattern.alternatives.every(({ elements: [first] }) => isStart(first));
  return anchored ? steps : steps * (length + 1);
}

/** `undefined` if the parser does not know the syntax, because V8's is newer. */
export function parsePattern({ source, unicode, unicodeSets }: RegExp): AST.Pattern | undefined {
  try {
    return new RegExpParser().parsePattern(source, 0, source.length, { unicode, unicodeSets });
  } catch {
    return undefined;
  }
}

function isStart(element: AST.Element | undefined): boolean {
  return element?.type === 'Assertion' && element.kind === 'start';
}

function costOfAny(alternatives: readonly AST.Alternative[], length: number): Cost {
  let ways = 0;
  let steps = 0;
  for (const alternative of alternatives) {
    const cost = costOfAll(alternative.elements, length);
    ways += cost.ways;
    steps += cost.steps;
  }
  return { ways, steps };
}

function costOfAll(elements: readonly AST.Element[], length: number): Cost {
  let ways = 1;
  let steps = 1;
  for (const element of elements) {
    const cost = costOf(element, length);
    steps += ways * cost.steps;
    ways *= cost.ways;
  }
  return { ways, steps };
}

function costOf(element: AST.Element, length: number): Cost {
  switch (element.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return ONE;
    case 'ExpressionCharacterClass':
      // With the flag v, a class may contain strings of several lengths.
      return BOUNDLESS;
    case 'Backreference':
      return { ways: 1, steps: length };
    case 'Assertion':
      // An engine does not backtrack into a lookaround that has matched.
      return element.kind === 'lookahead' || element.kind === 'lookbehind'
        ? { ways: 1, steps: costOfAny(element.alternatives, length).steps }
        : ONE;
    case 'Group':
    case 'CapturingGroup':
      return costOfAny(element.alternatives, length);
    case 'Quantifier':
      return repeated(costOf(element.element, length), element, length);
  }
}

function repeated({ ways, steps }: Cost, { min, max }: AST.Quantifier, length: number): Cost {
  const most = Math.min(max, Math.max(min, length));
  const least = Math.min(min, most);
  if (ways <= 1) return { ways: most - least + 1, steps: (most + 1) * steps };
  if (max === Number.POSITIVE_INFINITY) return BOUNDLESS;
  let all = 0;
  for (let times = 0, each = 1; times <= most; times++, each *= ways) all += each;
  return { ways: all, steps: all * steps };
}
