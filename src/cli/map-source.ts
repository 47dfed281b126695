/**
 * Converts a tftp-hpa map file to an equivalent config, with `rewrite` rules in TypeScript. It runs nothing and reads no file.
 */
import type { MapFile, MapLine, MapPiece, MapRule } from 'pxe/plugins';

/** A rule that `rewrite` cannot express. */
export interface Staying {
  readonly line: number;
  readonly reason: string;
}

export interface MapSource {
  /** A complete config. */
  readonly source: string;
  /** Rules of the map, without labels. */
  readonly rules: number;
  /** If there is one, `tftpdMap` keeps all rules, because they depend on one another. */
  readonly staying: readonly Staying[];
  /**
   * A folder with which every result begins, perhaps that of an `in.tftpd` without `--secure`; `undefined` if `directory` was
   * given.
   */
  readonly guessed: string | undefined;
}

export interface MapSourceOptions {
  /** Name of the map file, for comments. */
  readonly text: string;
  /** As written in the config. */
  readonly path: string;
  /** The folder of an `in.tftpd` without `--secure`, with which the results of rules begin. */
  readonly directory?: string | undefined;
}

export function mapSource(map: MapFile, { text, path, directory: given }: MapSourceOptions): MapSource {
  const guessed = given === undefined ? commonFolder(map.lines) : undefined;
  const directory = given?.replace(/\/*$/, '/');
  const byLine = new Map(map.lines.map((line) => [line.line, line]));
  const staying: Staying[] = [];
  const rules: string[] = [];
  let imports = '';
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = byLine.get(index + 1);
    const translated = line && translate(line, directory);
    const comment = commentOf(written);
    if (comment !== undefined) rules.push(`//${comment}`);
    if (translated === undefined) continue;
    if ('reason' in translated) {
      staying.push({ line: index + 1, reason: translated.reason });
      rules.push(`// line ${index + 1}: ${translated.reason}: ${written.trim()}`);
      continue;
    }
    if (translated.note !== undefined) rules.push(`// ${translated.note}`);
    rules.push(translated.rule);
    imports += translated.rule;
  }
  const used = (name: string) => imports.includes(name);
  const rewriting = [
    'rewrite([',
    ...[...preamble, ...rules].map((line) => `  ${line}`),
    ']),',
    ...(directory === undefined ? [] : withoutFolder(directory, 'sure')),
    ...(guessed === undefined ? [] : withoutFolder(guessed, 'guessed')),
  ];
  const count = map.lines.filter(({ kind }) => kind === 'rule').length;
  const plugins =
    staying.length === 0 ? rewriting : mapStays(rewriting, staying, count, { path, directory: directory ?? guessed });
  const names = staying.length === 0 ? [...(used('hexAddress(') ? ['hexAddress'] : []), 'rewrite'] : ['tftpdMap'];
  const source = [
    `// From ${path}, by pxe import-map.`,
    `import { defineConfig${staying.length === 0 && used('TftpError(') ? ', TftpError' : ''} } from 'pxe';`,
    `import { ${names.join(', ')} } from 'pxe/plugins';`,
    '',
    'export default defineConfig({',
    "  rootDir: './tftpboot',",
    '  plugins: [',
    ...plugins.map((line) => `    ${line}`),
    '  ],',
    '});',
    '',
  ];
  return { source: source.join('\n'), rules: count, staying, guessed };
}

/** The map's rules may depend on it; rules written for clean names do not need it. */
const preamble = [
  '// The map sees a name as the client spelt it (/boot/x), the rules of a config see it cleaned (boot/x).',
  // A ROM may have appended a line end.
  "{ match: /^.*$/s, replace: (_, { asked }) => asked, requests: 'all' },",
  "// requests: 'all': the map renames uploads, too.",
];

/** A path of an `in.tftpd` without `--secure` is a name under `rootDir` here. */
function withoutFolder(folder: string, how: 'sure' | 'guessed'): string[] {
  const match = String(new RegExp(`^${escaped(folder.slice(1))}`));
  if (how === 'sure')
    return [`// ${folder} is what rootDir is here.`, `rewrite([{ match: ${match}, replace: '', requests: 'all' }]),`];
  return [
    `// Every result begins with ${folder}, as for an in.tftpd without --secure: names without it are tried first.`,
    `// If rootDir is that folder, say so: pxe import-map --directory ${folder.replace(/(?<=.)\/$/, '')}`,
    `rewrite([{ match: ${match}, replace: '', when: 'exists' }]),`,
  ];
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** `/srv/tftp/`, if every replacement begins with it. */
function commonFolder(lines: readonly MapLine[]): string | undefined {
  const beginnings = lines.flatMap((line) => {
    if (line.kind === 'label' || line.replaces === false) return [];
    const [first] = line.replacement;
    return [first?.kind === 'text' ? first.text : ''];
  });
  // A rule that only replaces \ by / does not begin with a folder and is ignored here.
  const folders = beginnings.filter((text) => text !== '/').map((text) => /^\/(?:[^/]+\/)+/.exec(text)?.[0]);
  const [shortest] = folders.toSorted((a = '', b = '') => a.length - b.length);
  return shortest !== undefined && folders.every((folder) => folder?.startsWith(shortest)) ? shortest : undefined;
}

function mapStays(
  rewriting: readonly string[],
  staying: readonly Staying[],
  count: number,
  { path, directory }: { readonly path: string; readonly directory: string | undefined },
): string[] {
  const given =
    directory === undefined
      ? quoted(path)
      : `{ file: ${quoted(path)}, directory: ${quoted(directory.replace(/(?<=.)\/$/, ''))} }`;
  return [
    `// ${staying.length} of ${count} rules cannot be expressed with rewrite. Rules depend on one another, so all of them stay in the map:`,
    ...staying.map(({ line, reason }) => `//   line ${line}: ${reason}`),
    `tftpdMap(${given}),`,
    '// The other rules, in case you want to do without the map:',
    ...rewriting.map((line) => `// ${line}`),
  ];
}

type Translated = { readonly rule: string; readonly note?: string } | { readonly reason: string };

function translate(line: MapLine, directory: string | undefined): Translated | undefined {
  if (line.kind === 'label') return undefined;
  const reason = untranslatableReason(line, directory);
  if (reason !== undefined) return { reason };
  if (line.kinds.length === 0 || line.families.length === 0) return undefined;
  if (line.replaces === false && line.after === 'next') return undefined;
  const end = line.after === 'end' ? ', last: true' : line.after === 'endIfFile' ? ", when: 'exists'" : '';
  const requests = line.kinds.length === 2 ? ", requests: 'all'" : line.kinds[0] === 'write' ? ", requests: 'write'" : '';
  const rule = `{ match: ${matcher(line)}, replace: ${replacer(line)}${end}${requests} },`;
  if (!line.regExp.ambiguous || !line.replaces) return { rule };
  return { rule, note: 'The map takes the longest match, JavaScript the first that it finds.' };
}

function untranslatableReason(
  { regExp, replaces, replacement, after, families }: MapRule,
  directory: string | undefined,
): string | undefined {
  if (families.length === 1) return `${families[0]} is for IPv${families[0]} clients only`;
  if (after === 'endIfFile' && directory !== undefined) return `E looks for a file, before ${directory} is removed`;
  if (after === 'restart') return 's starts over at the first rule';
  if (after === 'jump') return 'j jumps to a label';
  if (replaces === 'onward' && new RegExp(regExp.source).test(''))
    return 'gg with an expression that matches the empty string never ends';
  if (replaces !== 'rescan') return undefined;
  // If the rule removes one character for good, replacing all at once equals replacing one by one.
  const gone =
    regExp.single &&
    replacement.every((piece) => piece.kind === 'text' && !new RegExp(regExp.source, regExp.flags).test(piece.text));
  return gone ? undefined : 'g also matches in text that it has inserted';
}

function matcher({ regExp: { source, flags }, inverted, replaces }: MapRule): string {
  const all = replaces === 'onward' || replaces === 'rescan' ? 'g' : '';
  const expression = inverted ? `^(?!.*(?:${source}))` : source;
  // Without a dot, the flag `s` has no effect.
  return String(new RegExp(expression, (/(?<!\\)\./.test(expression) ? flags : flags.replace('s', '')) + all));
}

function replacer(rule: MapRule): string {
  const { replacement, replaces, after, inverted, regExp } = rule;
  const groups = inverted ? -1 : new RegExp(`${regExp.source}|`).exec('')!.length - 1;
  // A group that does not exist is empty.
  const pieces = replacement.filter((piece) => piece.kind !== 'group' || piece.group <= groups);
  if (after === 'refuse')
    return `(${parameters(pieces)}) => { throw new TftpError(2, ${pieces.length === 0 ? "'access denied'" : template(pieces)}); }`;
  if (!replaces) return "'$&'";
  const plain = groups < 10 && pieces.every(({ kind }) => kind === 'text' || kind === 'group');
  return plain ? quoted(pieces.map(dollars).join('')) : `(${parameters(pieces)}) => ${template(pieces)}`;
}

function dollars(piece: MapPiece): string {
  if (piece.kind === 'group') return piece.group === 0 ? '$&' : `$${piece.group}`;
  return piece.kind === 'text' ? piece.text.replaceAll('$', '$$$$') : '';
}

function parameters(pieces: readonly MapPiece[]): string {
  const groups = pieces.some(({ kind }) => kind === 'group');
  if (pieces.some(({ kind }) => kind === 'client')) return `${groups ? 'match' : '_'}, { client }`;
  return groups ? 'match' : '';
}

/** `${match[1] ?? ''}-${client.address}` in backticks. */
function template(pieces: readonly MapPiece[]): string {
  let inCase = '';
  let result = '';
  for (const piece of pieces) {
    switch (piece.kind) {
      case 'case':
        inCase = piece.to === 'upper' ? '.toUpperCase()' : piece.to === 'lower' ? '.toLowerCase()' : '';
        break;
      case 'text':
        result += inCased(piece.text, inCase).replace(/[\\`]|\$(?=\{)/g, '\\$&');
        break;
      case 'group':
        result += `\${${piece.group === 0 ? 'match[0]' : inCase === '' ? `match[${piece.group}] ?? ''` : `(match[${piece.group}] ?? '')`}${inCase}}`;
        break;
      case 'client':
        result += `\${${piece.form === 'hex' ? 'hexAddress(client.address)' : 'client.address'}${inCase}}`;
        break;
    }
  }
  return result.includes('${') ? `\`${result}\`` : quoted(result.replace(/\\([\\`$])/g, '$1'));
}

function inCased(text: string, inCase: string): string {
  return inCase === '' ? text : inCase === '.toUpperCase()' ? text.toUpperCase() : text.toLowerCase();
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}

/** The comment after an unescaped `#`. */
function commentOf(written: string): string | undefined {
  return /^(?:\\.|[^\\#])*#(.*)$/.exec(written)?.[1]?.trimEnd();
}
