/**
 * Name patterns: `*` (any characters but `/`), `**` (any characters) and `?` (one character but `/`). Reads no files.
 *
 * It does not use regular expressions: names come from clients, and with a hostile name `*a*a*a*b` would try every way to split
 * it. Here the work is bounded by the length of the name times that of the pattern.
 */

export interface Glob {
  /** As it was written. */
  readonly pattern: string;
  /** Number of literal characters: the more, the more specific. */
  readonly literals: number;
  /** What the wildcards matched, in order; `undefined` if the name does not match. */
  match(name: string): readonly string[] | undefined;
}

export function hasWildcard(pattern: string): boolean {
  return /[*?]/.test(pattern);
}

/** @param fold maps a name to the form in which names are compared; the result keeps the original spelling */
export function parseGlob(pattern: string, fold: (name: string) => string = (name) => name): Glob {
  const parts = fold(pattern).match(/\*\*|[*?]|[^*?]+/g) ?? [];
  return {
    pattern,
    literals: parts.filter((part) => !hasWildcard(part)).join('').length,
    match: (name) => {
      const folded = fold(name);
      // A few letters become longer in lower case.
      return match(parts, folded, folded.length === name.length ? name : folded);
    },
  };
}

/**
 * Whether `wide` matches every name that `narrow` matches, judged by examples: each wildcard of `narrow` is replaced by nothing,
 * by a letter that no name contains, and, if it may match them, by folders.
 */
export function covers(wide: Glob, narrow: string): boolean {
  const examples = [
    { '**': '', '*': '', '?': LETTER },
    { '**': LETTER, '*': LETTER, '?': LETTER },
    { '**': `${LETTER}/${LETTER}/${LETTER}`, '*': LETTER.repeat(3), '?': LETTER },
  ];
  return examples.every((example) => {
    const name = narrow.replace(/\*\*|[*?]/g, (wildcard) => example[wildcard as keyof typeof example]);
    return wide.match(name) !== undefined;
  });
}

const LETTER = '\ue000';

/** @param shown the name from which the result is cut */
function match(parts: readonly string[], name: string, shown: string): readonly string[] | undefined {
  const [first = ''] = parts;
  if (!hasWildcard(first) && !name.startsWith(first)) return undefined;
  const ends = endings(parts, name);
  if (ends[0]![0] !== 1) return undefined;
  const captures: string[] = [];
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const from = at;
    if (!hasWildcard(part)) at += part.length;
    else if (part === '?') at++;
    else while (ends[index + 1]![at] !== 1) at++;
    if (hasWildcard(part)) captures.push(shown.slice(from, at));
  }
  return captures;
}

/** For each part and each position in the name: 1 if the parts from that one on match the rest of the name. */
function endings(parts: readonly string[], name: string): readonly Uint8Array[] {
  let next = new Uint8Array(name.length + 1);
  next[name.length] = 1;
  const rows = [next];
  for (const part of parts.toReversed()) {
    const row = new Uint8Array(name.length + 1);
    for (let at = name.length; at >= 0; at--) {
      const character = at < name.length && (part === '**' || name[at] !== '/');
      const fits =
        part === '*' || part === '**'
          ? next[at] === 1 || (character && row[at + 1] === 1)
          : part === '?'
            ? character && next[at + 1] === 1
            : next[at + part.length] === 1 && name.startsWith(part, at);
      if (fits) row[at] = 1;
    }
    rows.unshift(row);
    next = row;
  }
  return rows;
}
