/**
 * Parses tftp-hpa's map files; every mistake is reported with its line. It does not run the rules.
 *
 * A line is `:label`, `OPERATORS REGEX [REPLACEMENT]`, or nothing; fields end at white space, and an unescaped `#` ends the line.
 */
import { type PosixRegExp, translatePosix } from './lib/posix-regexp.ts';

/** A piece of a replacement: text, what a group matched, something about the client, or a change of case for what follows. */
export type MapPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'client'; readonly form: 'text' | 'hex' }
  | { readonly kind: 'case'; readonly to: 'upper' | 'lower' | 'asIs' };

export interface MapLabel {
  readonly kind: 'label';
  /** Counts from 1. */
  readonly line: number;
  readonly label: string;
}

export interface MapRule {
  readonly kind: 'rule';
  /** Counts from 1. */
  readonly line: number;
  readonly regExp: PosixRegExp;
  /** `~`: applies if it does not match. */
  readonly inverted: boolean;
  /** `r`, `rg`, `rgg`: replaces the match; then again from the start; then again after the inserted text. */
  readonly replaces: false | 'once' | 'rescan' | 'onward';
  readonly replacement: readonly MapPiece[];
  /** What follows when the rule has applied: the next rule, or `e`, `E`, `s`, `a`, `j`. */
  readonly after: 'next' | 'end' | 'endIfFile' | 'restart' | 'refuse' | 'jump';
  /** `G`, `P`: for reads only, for writes only; both together match no request. */
  readonly kinds: readonly ('read' | 'write')[];
  /** `4`, `6`: for one address family only; both together match no client. */
  readonly families: readonly (4 | 6)[];
}

export type MapLine = MapLabel | MapRule;

export interface MapMistake {
  readonly line: number;
  readonly message: string;
}

export interface MapFile {
  readonly lines: readonly MapLine[];
  readonly mistakes: readonly MapMistake[];
}

export function parseMapFile(text: string): MapFile {
  const lines: MapLine[] = [];
  const mistakes: MapMistake[] = [];
  for (const [index, written] of text
    .replace(/[\r\0]/g, '')
    .split('\n')
    .entries()) {
    const line = index + 1;
    try {
      const parsed = parseLine(written, line);
      if (parsed) lines.push(parsed);
    } catch (error) {
      mistakes.push({ line, message: (error as Error).message });
    }
  }
  return { lines, mistakes };
}

function parseLine(written: string, line: number): MapLine | undefined {
  const [first, second, third = ''] = fieldsOf(written);
  if (first === undefined) return undefined;
  // `: name` is one, too.
  if (first.startsWith(':')) return { kind: 'label', line, label: first.slice(1) || (second ?? '') };
  const operators = parseOperators(first);
  if (second === undefined) throw new Error(`there is no regular expression after ${first}`);
  const regExp = translatePosix(second, { ignoreCase: operators.ignoreCase });
  const { inverted, replaces, after, kinds, families } = operators;
  return { kind: 'rule', line, regExp, inverted, replaces, replacement: parseReplacement(third), after, kinds, families };
}

/** A backslash keeps white space and `#` from ending a field, and stays in it. */
function fieldsOf(written: string): string[] {
  const fields: string[] = [];
  const field = /[ \t\v\f]*((?:\\.|[^\\ \t\v\f#]|\\$)+)/sy;
  for (let found = field.exec(written); found; found = field.exec(written)) fields.push(found[1]!);
  return fields;
}

/** The two of a pair exclude each other; tftp-hpa 7 refuses them, too. */
const contradictions = ['r~', 'ra', 'rj', 'aj', 'as', 'ej', 'ae', 'es', 'eE', 'Ej', 'aE', 'Es'];
const KNOWN = /^[rgeEsaji~46GP]$/;

function parseOperators(
  written: string,
): Omit<MapRule, 'kind' | 'line' | 'regExp' | 'replacement'> & { readonly ignoreCase: boolean } {
  const unknown = [...written].find((operator) => !KNOWN.test(operator));
  if (unknown !== undefined)
    throw new Error(`unknown operator ${unknown} (in ${written}); valid operators: r g gg i e E s a j G P 4 6 ~`);
  const has = (operator: string) => written.includes(operator);
  const [one, other] = contradictions.find((pair) => [...pair].every(has)) ?? [];
  if (one !== undefined) throw new Error(`${one} and ${other} contradict each other (in ${written}): write two rules`);
  return {
    ignoreCase: has('i'),
    inverted: has('~'),
    replaces: has('r') && (/g.*g/.test(written) ? 'onward' : has('g') ? 'rescan' : 'once'),
    after: has('a') ? 'refuse' : has('e') ? 'end' : has('E') ? 'endIfFile' : has('s') ? 'restart' : has('j') ? 'jump' : 'next',
    kinds: [...(has('P') ? [] : ['read' as const]), ...(has('G') ? [] : ['write' as const])],
    families: [...(has('6') ? [] : [4 as const]), ...(has('4') ? [] : [6 as const])],
  };
}

const macros: Readonly<Record<string, MapPiece>> = {
  i: { kind: 'client', form: 'text' },
  x: { kind: 'client', form: 'hex' },
  U: { kind: 'case', to: 'upper' },
  L: { kind: 'case', to: 'lower' },
  E: { kind: 'case', to: 'asIs' },
};

function parseReplacement(written: string): MapPiece[] {
  const pieces: MapPiece[] = [];
  for (const [found, escaped] of written.matchAll(/\\(.)|\\$|[^\\]+/gs)) {
    if (escaped === undefined) pieces.push({ kind: 'text', text: found });
    else if (/\d/.test(escaped)) pieces.push({ kind: 'group', group: Number(escaped) });
    // Any other character stands for itself.
    else pieces.push(macros[escaped] ?? { kind: 'text', text: escaped });
  }
  return pieces;
}
