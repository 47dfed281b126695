/**
 * POSIX extended regular expressions, as egrep and tftp-hpa take them (with GNU's `\w`, `\<` and back-references), translated to
 * JavaScript's. It does not know their use.
 *
 * Remaining differences: of several matches at the same position POSIX takes the longest, JavaScript the first found (`longest`
 * compensates for that). A back-reference to a group that did not participate fails in POSIX and matches the empty string here.
 * Character classes are those of the C locale.
 */

export interface PosixRegExp {
  /** For `new RegExp(source, flags)`. */
  readonly source: string;
  readonly flags: string;
  /** The compiled expression with the flag `g`; the caller sets `lastIndex`. */
  readonly made: RegExp;
  /** It may match in several ways with different ends, so the first match may not be the longest. */
  readonly ambiguous: boolean;
  /** It matches a single character, whatever the context. */
  readonly single: boolean;
}

/** Throws an Error that says what is wrong with it. */
export function translatePosix(expression: string, options: { readonly ignoreCase?: boolean } = {}): PosixRegExp {
  const reader = new Reader(expression);
  const { source, variable } = alternatives(reader, false);
  const flags = options.ignoreCase ? 'is' : 's';
  let made: RegExp;
  try {
    made = new RegExp(source, `${flags}g`);
  } catch (error) {
    // A range in the wrong order.
    throw new Error((error as Error).message.replace(/^.*: /, '').toLowerCase(), { cause: error });
  }
  return { source, flags, made, ambiguous: variable > 1 && !ENDS_AT_END.test(source), single: SINGLE.test(source) };
}

const SINGLE = /^(?:\\[^bB]|[^\\^$[(]|\[(?:\\.|[^\]\\])+\])$/s;

/** Every match ends at the end of the text: the last piece is `$`, `.*` or `(.*)`. */
const ENDS_AT_END = /^[^|]*(?<!\\)(?:\\\\)*(?:\$|\.\*|\(\.\*\))$/s;

/** The leftmost match that begins at `from` or later; of those that begin there, the longest. */
export function longest({ source, flags, made, ambiguous }: PosixRegExp, text: string, from = 0): RegExpExecArray | undefined {
  made.lastIndex = from;
  const found = made.exec(text);
  if (found === null) return undefined;
  const { index } = found;
  for (let end = ambiguous ? text.length : 0; end > index + found[0].length; end--) {
    const longer = new RegExp(`(?:${source})(?<=^[^]{${end}})`, `${flags}y`);
    longer.lastIndex = index;
    const match = longer.exec(text);
    if (match !== null) return match;
  }
  return found;
}

/** A part of the expression: its translation, and the number of its pieces of variable length. */
interface Part {
  readonly source: string;
  readonly variable: number;
}

class Reader {
  readonly #text: string;
  #at = 0;
  /** Groups opened so far. */
  groups = 0;
  /** Groups closed so far, by number: only these can be referred to. */
  readonly closed = new Set<number>();

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The next character; `''` at the end. */
  get next(): string {
    return this.#text.charAt(this.#at);
  }

  take(): string {
    return this.#text.charAt(this.#at++);
  }

  /** Takes what the (sticky) pattern matches here. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at += found[0].length;
    return found;
  }
}

function alternatives(reader: Reader, inGroup: boolean): Part {
  const branches = [branch(reader, inGroup)];
  while (reader.next === '|') {
    reader.take();
    branches.push(branch(reader, inGroup));
  }
  const [only] = branches;
  if (branches.length === 1) return only!;
  // The first alternative might be the shorter one.
  return { source: branches.map(({ source }) => source).join('|'), variable: 2 };
}

function branch(reader: Reader, inGroup: boolean): Part {
  let source = '';
  let variable = 0;
  while (!reader.done && reader.next !== '|' && !(inGroup && reader.next === ')')) {
    const part = repeated(reader);
    source += part.source;
    variable += part.variable;
  }
  return { source, variable };
}

/** One piece with the repetitions after it: `a*?` is `(a*)?`, not JavaScript's reluctant `*`. */
function repeated(reader: Reader): Part {
  let { source, variable } = atom(reader);
  // An anchor cannot be repeated: a repetition after it is refused as the next piece.
  if (ANCHORS.has(source)) return { source, variable };
  for (let times = 0; ; times++) {
    const repetition = repetitionAt(reader);
    if (repetition === undefined) return { source, variable };
    source = `${times === 0 ? source : `(?:${source})`}${repetition}`;
    variable = /^\{\d+\}$/.test(repetition) ? variable : 1 + 2 * variable;
  }
}

/** RE_DUP_MAX of glibc. */
const MAX_REPETITIONS = 32_767;

function repetitionAt(reader: Reader): string | undefined {
  if (reader.next !== '' && '*+?'.includes(reader.next)) return reader.take();
  if (reader.next !== '{') return undefined;
  const [, min = '', comma, max = ''] = reader.match(/\{(\d*)(,?)(\d*)\}/y) ?? [];
  if (comma === undefined || (min === '' && comma === ''))
    throw new Error('{ must be followed by numbers and }, as in {2,5}; write \\{ for the character');
  if (max !== '' && Number(max) < Number(min)) throw new Error(`{${min},${max}} has its numbers in the wrong order`);
  if (Number(min) > MAX_REPETITIONS || Number(max) > MAX_REPETITIONS) throw new Error(`more than ${MAX_REPETITIONS} repetitions`);
  return `{${min || '0'}${comma}${max}}`;
}

function atom(reader: Reader): Part {
  const character = reader.take();
  switch (character) {
    case '(':
      return group(reader);
    case '[':
      return { source: bracket(reader), variable: 0 };
    case '\\':
      return { source: escaped(reader), variable: 0 };
    case '.':
    case '^':
    case '$':
      return { source: character, variable: 0 };
    case '*':
    case '+':
    case '?':
    case '{':
      throw new Error(`there is nothing before ${character} to repeat; write \\${character} for the character`);
    default:
      // A ) without ( is a literal character.
      return { source: literal(character), variable: 0 };
  }
}

function group(reader: Reader): Part {
  const number = ++reader.groups;
  const { source, variable } = alternatives(reader, true);
  if (reader.take() !== ')') throw new Error('( has no )');
  reader.closed.add(number);
  return { source: `(${source})`, variable };
}

/** GNU's escapes; any other character after a backslash is literal. */
const escapes: Readonly<Record<string, string>> = {
  w: '\\w',
  W: '\\W',
  s: '\\s',
  S: '\\S',
  b: '\\b',
  B: '\\B',
  '<': '\\b(?=\\w)',
  '>': '\\b(?<=\\w)',
  '`': '(?<![^])',
  "'": '(?![^])',
};

const ANCHORS: ReadonlySet<string> = new Set([
  '^',
  '$',
  ...['b', 'B', '<', '>', '`', "'"].map((character) => escapes[character]!),
]);

function escaped(reader: Reader): string {
  if (reader.done) throw new Error('\\ at the end escapes nothing');
  const character = reader.take();
  if (/[1-9]/.test(character)) {
    if (!reader.closed.has(Number(character))) throw new Error(`there is no group ${character} before \\${character}`);
    // In brackets, so that a digit after it stays a digit.
    return `(?:\\${character})`;
  }
  return escapes[character] ?? literal(character);
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
}

/** As in the C locale. */
const classes: Readonly<Record<string, string>> = {
  alpha: 'A-Za-z',
  digit: '0-9',
  alnum: 'A-Za-z0-9',
  upper: 'A-Z',
  lower: 'a-z',
  space: ' \\t\\n\\v\\f\\r',
  blank: ' \\t',
  punct: '!-\\/:-@\\[-`{-~',
  print: ' -~',
  graph: '!-~',
  cntrl: '\\x00-\\x1f\\x7f',
  xdigit: '0-9A-Fa-f',
};

function bracket(reader: Reader): string {
  const inverted = reader.next === '^' ? reader.take() : '';
  let inside = '';
  for (let first = true; first || reader.next !== ']'; first = false) {
    if (reader.done) throw new Error('[ has no ]');
    const name = reader.match(/\[:(\w*):\]/y)?.[1];
    if (name !== undefined) {
      const members = classes[name];
      if (members === undefined) throw new Error(`there is no character class [:${name}:]`);
      inside += members;
      continue;
    }
    const from = member(reader);
    const range = reader.match(/-(?!\])/y);
    inside += range ? `${inClass(from)}-${inClass(member(reader))}` : inClass(from);
  }
  reader.take();
  return `[${inverted}${inside}]`;
}

/** One character in brackets, where a backslash is literal, and `[.-.]` and `[=a=]` are other ways to write a character. */
function member(reader: Reader): string {
  const written = reader.match(/\[([.=])(.*?)\1\]/sy);
  if (!written) return reader.take();
  if (written[2]!.length !== 1) throw new Error(`${written[0]} is not a single character`);
  return written[2]!;
}

function inClass(character: string): string {
  return character.replace(/[\\\]^[\-/]/, '\\$&');
}
