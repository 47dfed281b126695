/**
 * Finds the line at fault if a file cannot be read or run, and suggests a correction. It uses the errors of Node, its type
 * stripper, js-yaml and JSON.parse.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nearest } from '../base/nearest.ts';
import type { SourcePlace } from './error.ts';
import { placeOfJsonFault } from './source.ts';

/** An import that could not be resolved. */
export interface MissingImport {
  readonly specifier: string;
  /** Absolute. */
  readonly importer: string;
}

/**
 * @param files the files being loaded, the config first; only these are named
 * @returns `undefined` if the error does not contain it
 */
export function placeOf(error: unknown, files: readonly string[], missing?: MissingImport): SourcePlace | undefined {
  if (missing && isModuleNotFound(error)) return placeOfText(missing.importer, missing.specifier);
  if (!(error instanceof Error)) return undefined;
  const place = placeInStack(error.stack ?? '', files) ?? placeOfRegExp(error, files) ?? placeOfData(error, files[0]);
  const undefinedName = undefinedNameIn(error);
  return place && undefinedName ? (placeOfName(place, undefinedName) ?? place) : place;
}

/** A name imported from `pxe/plugins` that does not exist. */
export function missingPluginOf(error: unknown): string | undefined {
  return error instanceof SyntaxError
    ? /'pxe\/plugins' does not provide an export named '([^']+)'/.exec(error.message)?.[1]
    : undefined;
}

/**
 * Advice for the most common mistakes.
 * @param plugins the names in `pxe/plugins`, if another was imported
 */
export function hintFor(error: unknown, missing?: MissingImport, plugins: readonly string[] = []): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if (missing && isModuleNotFound(error)) return missingHint(missing);
  const { code } = error as { code?: unknown };
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')
    return 'Node only strips types: no enum, no namespace, no parameter properties';
  if (code === 'ERR_INVALID_TYPESCRIPT_SYNTAX' && /^Expected /.test(error.message))
    return 'an unclosed quote or bracket, perhaps on an earlier line';
  if (/ in JSON at position | is not valid JSON$/.test(error.message))
    return 'JSON needs double quotes around names and strings, and allows no comments and no comma after the last entry';
  if (/does not provide an export named/.test(error.message)) {
    const near = nearest(missingPluginOf(error) ?? '', plugins);
    const meant = near === undefined ? 'a misspelt name?' : `did you mean ${JSON.stringify(near)}?`;
    return `${meant} types are imported with \`import type\``;
  }
  if (/^(require|module|exports) is not defined/.test(error.message))
    return 'config files are ES modules: write `import` and `export default`';
  if (undefinedNameIn(error) !== undefined) return 'a misspelt name, or a missing import?';
  return undefined;
}

function undefinedNameIn(error: Error): string | undefined {
  return error instanceof ReferenceError
    ? /^([\p{ID_Start}$_][\p{ID_Continue}$]*) is not defined$/u.exec(error.message)?.[1]
    : undefined;
}

function missingHint({ specifier, importer }: MissingImport): string | undefined {
  if (!specifier.startsWith('.')) return `is the package ${JSON.stringify(specifier)} installed where ${importer} can find it?`;
  const ending = ['.ts', '.mts', '.js', '.mjs', '/index.ts', '/index.js'].find((end) =>
    existsSync(resolve(dirname(importer), specifier + end)),
  );
  return ending && `write imports in full: ${JSON.stringify(specifier + ending)}`;
}

function isModuleNotFound(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_DIR_IMPORT';
}

/** `file:///lab/pxe.config.ts?generation=1.7:3:28`; syntax errors have no column there but a mark two lines below. */
function placeInStack(stack: string, files: readonly string[]): SourcePlace | undefined {
  for (const match of stack.matchAll(/(file:\/\/[^\s?():]+)(?:\?[^\s:)]*)?:(\d+)(?::(\d+))?/g)) {
    const file = fileURLToPath(match[1]!);
    if (!files.includes(file)) continue;
    const mark = match[3] === undefined ? /^[^\n]*\n(?:[^\n]*\n){1,2}?( *)\^/.exec(stack.slice(match.index))?.[1] : undefined;
    const column = match[3] !== undefined ? Number(match[3]) : mark === undefined ? undefined : mark.length + 1;
    return place(file, Number(match[2]), column);
  }
  return undefined;
}

/**
 * js-yaml's error has a mark, V8's JSON.parse usually names line and column in its message; otherwise the text is parsed once
 * more.
 */
function placeOfData(error: Error, file: string | undefined): SourcePlace | undefined {
  if (file === undefined) return undefined;
  const { mark } = error as { mark?: { line: number; column: number } };
  if (mark) return place(file, mark.line + 1, mark.column + 1);
  const words = /\(line (\d+) column (\d+)\)/.exec(error.message);
  if (words) return place(file, Number(words[1]), Number(words[2]));
  if (!file.endsWith('.json') || !(error instanceof SyntaxError)) return undefined;
  const fault = placeOfJsonFault(linesOf(file).join('\n'));
  return fault && place(file, fault.line, fault.column);
}

/** V8 names the invalid regular expression, but not its location. */
function placeOfRegExp(error: Error, files: readonly string[]): SourcePlace | undefined {
  const literal =
    error instanceof SyntaxError ? /^Invalid regular expression: (\/.+\/)[a-z]*: /s.exec(error.message)?.[1] : undefined;
  if (literal === undefined) return undefined;
  for (const file of files) {
    const lines = linesOf(file);
    const index = lines.findIndex((line) => line.includes(literal));
    if (index >= 0) return place(file, index + 1, lines[index]!.indexOf(literal) + 1);
  }
  return undefined;
}

function placeOfText(file: string, text: string): SourcePlace | undefined {
  const lines = linesOf(file);
  const index = lines.findIndex((line) => line.includes(`'${text}'`) || line.includes(`"${text}"`));
  return index < 0 ? undefined : place(file, index + 1, lines[index]!.indexOf(text));
}

/** V8 reports the last call before an undefined name, so the name is the first occurrence from there on. */
function placeOfName({ file, line, column = 1 }: SourcePlace, name: string): SourcePlace | undefined {
  const whole = new RegExp(`(?<![\\p{ID_Continue}$])${name.replaceAll('$', '\\$')}(?![\\p{ID_Continue}$])`, 'u');
  const lines = linesOf(file);
  for (let index = line - 1; index < lines.length; index++) {
    const from = index === line - 1 ? column - 1 : 0;
    const found = lines[index]!.slice(from).search(whole);
    if (found >= 0) return place(file, index + 1, from + found + 1);
  }
  return undefined;
}

function place(file: string, line: number, column: number | undefined): SourcePlace {
  return { file, line, column, text: linesOf(file)[line - 1] };
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}
